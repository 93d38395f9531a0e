/** What an encoder makes of prompts, for a decoder to write from: computed once, kept until it is disposed. */
import { longestSequence, type SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { checkPrompts, lengthsOf, paddedRows } from "../ragged-rows.ts";

export interface EncodedSources {
  /** [B, S, h] */
  memory: tf.Tensor;
  memoryLengths: Int32Array;
}

export function encodeSources(model: SequenceToSequenceModel, prompts: readonly ArrayLike<number>[]): EncodedSources {
  checkPrompts(prompts, { maxPositions: longestSequence(model.config) });
  const memoryLengths = lengthsOf(prompts);
  const memory = tf.tidy(() => model.encode({ tokens: paddedRows(prompts), lengths: memoryLengths }));
  return { memory, memoryLengths };
}
