/** Runs an encoder over the prompts, once for a whole decoding session and all beams of a prompt. */
import { paddedRanges } from "@megatron-ts/attention";
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, repeatEach, rowLengths } from "../ragged-rows.ts";

export interface EncodedSources {
  /** [B, S, h] */
  memory: tf.Tensor;
  /** int32 [B, 1, 2]: what one token of each row sees of it. */
  memoryRanges: tf.Tensor;
  dispose(): void;
}

export function encodeSources(
  model: SequenceToSequenceModel,
  prompts: readonly ArrayLike<number>[],
  { beams = 1 }: { beams?: number } = {},
): EncodedSources {
  const memory = tf.tidy(() => {
    const { hidden } = model.encode({ tokens: padRows(prompts), lengths: rowLengths(prompts) });
    if (beams === 1) return hidden;
    const [rows, states, size] = hidden.shape as [number, number, number];
    const repeated = tf.tile(tf.reshape(hidden, [rows, 1, states * size]), [1, beams, 1]);
    return tf.reshape(repeated, [rows * beams, states, size]);
  });
  const memoryRanges = paddedRanges({ tokens: 1, lengths: rowLengths(repeatEach(prompts, beams)) });
  return { memory, memoryRanges, dispose: () => tf.dispose([memory, memoryRanges]) };
}
