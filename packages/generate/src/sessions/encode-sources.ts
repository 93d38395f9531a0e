/** Runs an encoder over the prompts, once for a whole decoding session. */
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, rowLengths } from "../ragged-rows.ts";

export interface EncodedSources {
  /** [B, S, h]; the caller disposes it. */
  memory: tf.Tensor;
  memoryLengths: Int32Array;
}

export function encodeSources(model: SequenceToSequenceModel, prompts: readonly ArrayLike<number>[]): EncodedSources {
  const memoryLengths = rowLengths(prompts);
  const memory = tf.tidy(() => model.encode({ tokens: padRows(prompts), lengths: memoryLengths }).hidden);
  return { memory, memoryLengths };
}
