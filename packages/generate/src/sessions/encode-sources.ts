/** Runs an encoder over the prompts, once for a whole decoding session. */
import { paddedRanges } from "@megatron-ts/attention";
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, rowLengths } from "../ragged-rows.ts";

export interface EncodedSources {
  /** [B, S, h] */
  memory: tf.Tensor;
  /** int32 [B, 1, 2]: what one token of each row sees of it. */
  memoryRanges: tf.Tensor;
  dispose(): void;
}

export function encodeSources(model: SequenceToSequenceModel, prompts: readonly ArrayLike<number>[]): EncodedSources {
  const lengths = rowLengths(prompts);
  const memory = tf.tidy(() => model.encode({ tokens: padRows(prompts), lengths }).hidden);
  const memoryRanges = paddedRanges({ tokens: 1, lengths });
  return { memory, memoryRanges, dispose: () => tf.dispose([memory, memoryRanges]) };
}
