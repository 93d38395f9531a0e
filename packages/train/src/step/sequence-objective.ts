/** Sequence to sequence: the decoder writes the target, reading the source through the encoder. */
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Objective, Rows } from "./objective.ts";

/** Sources [B * S] and targets [B * T], row-major, padded on the right. */
export interface SequenceRows extends Rows {
  readonly sourceLength: number;
  readonly targetLength: number;
  readonly source: Int32Array;
  readonly sourceLengths: Int32Array;
  /** What the decoder reads: the target behind a start token. */
  readonly tokens: Int32Array;
  /** Negative where nothing is predicted. */
  readonly labels: Int32Array;
}

export const sequenceObjective: Objective<SequenceRows, SequenceToSequenceModel> = {
  name: "sequence",

  tokens: ({ source, tokens }) => source.length + tokens.length,

  count: ({ labels }) => labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0),

  slice({ sourceLength, targetLength, ...batch }, start, end) {
    return {
      batchSize: end - start,
      sourceLength,
      targetLength,
      source: batch.source.subarray(start * sourceLength, end * sourceLength),
      sourceLengths: batch.sourceLengths.subarray(start, end),
      tokens: batch.tokens.subarray(start * targetLength, end * targetLength),
      labels: batch.labels.subarray(start * targetLength, end * targetLength),
    };
  },

  lossSum(model, { batchSize, sourceLength, targetLength, sourceLengths, ...batch }, options) {
    return tf.tidy(() => {
      const memory = model.encode(
        { tokens: tf.tensor2d(batch.source, [batchSize, sourceLength], "int32"), lengths: sourceLengths },
        options,
      );
      const shape: [number, number] = [batchSize, targetLength];
      const hidden = model.hidden(
        { tokens: tf.tensor2d(batch.tokens, shape, "int32"), memory, memoryLengths: sourceLengths },
        options,
      );
      const labels = tf.tensor2d(batch.labels, shape, "int32");
      return tf.sum(vocabularyParallelCrossEntropy(model.logits(hidden), { labels, mesh: model.mesh }));
    });
  },
};
