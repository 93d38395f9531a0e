/** What models take and what they can do. */
import type { KeyValueCache } from "@megatron-ts/attention";
import type { Mesh, Parameters } from "@megatron-ts/parallel";
import type { Key } from "@megatron-ts/random";
import type * as tf from "@tensorflow/tfjs";
import type { GptConfig, ModelConfig } from "./configuration.ts";

export interface ModelInput {
  /** int32 [B, T] */
  tokens: tf.Tensor;
  /** int32 [B, T]; counted from the cache's length unless given. */
  positions?: tf.Tensor;
  /** int32 [B, T, 2]: the keys that each token may see; all earlier ones unless given. */
  ranges?: tf.Tensor;
}

/** What decides the dropout of one step. Masks depend on the sample's place in the global batch, not on the split. */
export interface StepRandomness {
  /** Hashes the seed and the step. */
  key: Key;
  /** Place of the first row here in the global batch, and the size of that batch. */
  firstRow: number;
  globalRows: number;
}

export interface ForwardOptions {
  /** Dropout is on when given. */
  random?: StepRandomness | null;
  cache?: KeyValueCache | null;
  /** "full" keeps only the input of each block and runs it again in the backward (gradient checkpointing). */
  recompute?: "none" | "full";
  /** [B, T, h] in place of the token embeddings, for attribution. */
  inputEmbeddings?: tf.Tensor | null;
  /**
   * Sees every intermediate by name (`embedding`, `layers.3.attention.probabilities`, `layers.3.output`, `finalNorm`).
   * The tensor is disposed after the call. Probabilities are only computed when this is given.
   */
  observe?: ((name: string, tensor: tf.Tensor) => void) | null;
}

/** What every model is, whatever its family. */
export interface Model {
  readonly config: ModelConfig;
  readonly mesh: Mesh;
  readonly parameters: Parameters;
  dispose(): void;
}

/** A model that reads from left to right and predicts the next token. */
export interface LanguageModel extends Model {
  readonly config: GptConfig;
  /** Final hidden states [B, T, h]. */
  hidden(input: ModelInput, options?: ForwardOptions): tf.Tensor;
  /** Logits [..., V] of hidden states [..., h]. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /** An empty key/value cache for this model. */
  createCache(options: { batchSize: number; capacity: number }): KeyValueCache;
}

export interface EncoderInput {
  /** int32 [B, T] */
  tokens: tf.Tensor;
  /** int32 [B, T]: which segment each token is of; 0 unless given. */
  tokenTypes?: tf.Tensor;
  /** int32 [B, T]; counted by the model unless given. */
  positions?: tf.Tensor;
  /** Tokens of each row that are not padding, which stands on the right; all unless given. */
  lengths?: ArrayLike<number>;
  /** int32 [B, T, 2]: the tokens that each token may see, instead of `lengths`: padding on the left, packed documents. */
  ranges?: tf.Tensor;
}

export type EncoderOptions = Omit<ForwardOptions, "cache">;

/**
 * A model that reads in both directions. Each method after the first throws a ModelError in a model that was built
 * without that part.
 */
export interface EncoderModel extends Model {
  /** Final hidden states [B, T, h]. */
  hidden(input: EncoderInput, options?: EncoderOptions): tf.Tensor;
  /** Hidden states [B, T, h] -> one vector for each row [B, h]. */
  pooled(hidden: tf.Tensor): tf.Tensor;
  /** Logits [..., V] of hidden states [..., h]: which token stands there. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /** Pooled [B, h] -> logits [B, 2]: whether the second segment belongs to the first (0: it does). */
  pairLogits(pooled: tf.Tensor): tf.Tensor;
  /** Hidden states [B, T, h] -> logits of the configured task: [B, C], [B, T, C] or, of answers, [B, T, 2]. */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
}
