/** What an encoder makes of prompts, for a decoder to write from: computed once, kept until it is disposed. */
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { checkPrompts, lengthsOf, paddedRows } from "./rows.ts";

export interface EncodedSources {
  /** [B, S, h] */
  memory: tf.Tensor;
  memoryLengths: Int32Array;
}

/** The longest sequence of a model; Infinity for one that tells positions by their distance alone. */
export const longestSequence = ({ config }: { config: object }): number =>
  "maxPositions" in config ? (config.maxPositions as number) : Number.POSITIVE_INFINITY;

export function encodeSources(model: SequenceToSequenceModel, prompts: readonly ArrayLike<number>[]): EncodedSources {
  checkPrompts(prompts, { maxPositions: longestSequence(model) });
  const memoryLengths = lengthsOf(prompts);
  const memory = tf.tidy(() => model.encode({ tokens: paddedRows(prompts), lengths: memoryLengths }));
  return { memory, memoryLengths };
}
