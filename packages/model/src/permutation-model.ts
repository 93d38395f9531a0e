/** What a model that predicts in the order of a permutation takes, and what it can do. */
import type * as tf from "@tensorflow/tfjs";
import type { EncoderInput, EncoderOptions, ForwardOptions, Model } from "./model.ts";

/** Each mask hides more. A token always sees itself, a target never, and all see the memory. */
export interface PermutationInput extends Omit<EncoderInput, "positions"> {
  /** [B, T, T]: 1 where token i may not see token j, 0 where it may. */
  blocked?: tf.Tensor;
  /** int32 [B, M]: the places that a query stream predicts; there is none unless given. */
  targets?: tf.Tensor;
  /** Of each layer [B, past, h]: what an earlier forward remembered. It does not learn. */
  memory?: readonly tf.Tensor[];
  /** Of each row, whether its positions are counted backwards: half of the rows of bidirectional data. */
  reversed?: ArrayLike<number | boolean>;
}

export interface PermutationOptions extends EncoderOptions {
  /** Whether to return the memory for the next forward. */
  remember?: boolean;
}

export interface PermutationStates {
  /** [B, T, h] */
  content: tf.Tensor;
  /** [B, M, h]: what the targets are predicted from, where there are any. */
  query?: tf.Tensor;
  /** Of each layer [B, past, h], for the next forward; empty unless asked for. The caller disposes it. */
  memory: tf.Tensor[];
}

export interface PermutationModel extends Model {
  /** Final states of both streams. What is observed has the query stream's rows behind the tokens': [B, T + M, h]. */
  hidden(input: PermutationInput, options?: PermutationOptions): PermutationStates;
  /** Logits [..., V] of states [..., h], of the query stream or the content stream. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /** Content states [B, T, h] -> logits of the configured task: [B, C], [B, T, C] or, of answers, [B, T, 2]. */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
}
