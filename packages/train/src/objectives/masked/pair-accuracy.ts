/** How often a model classifies pairs of segments correctly: the second objective of BERT and Megatron. */
import type { BatchList, MaskedBatch } from "@megatron-ts/data";
import { type Model, predictorOf } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";

/** Share of the pairs in the first `maxBatches` batches; NaN if a logit is not finite. Throws a ModelError for a model without that head. */
export async function pairAccuracy(
  model: Model,
  batches: BatchList<MaskedBatch>,
  { maxBatches = Number.POSITIVE_INFINITY }: { maxBatches?: number } = {},
): Promise<number> {
  const encoder = predictorOf(model, "masked");
  let right = 0;
  let pairs = 0;
  for (let index = 0; index < Math.min(batches.length, maxBatches); index++) {
    const { batchSize, sequenceLength, tokens, tokenTypes, lengths, pairLabels } = batches.at(index);
    const matrix = (values: Int32Array) => tf.tensor2d(values, [batchSize, sequenceLength], "int32");
    const logits = tf.tidy(() => {
      const hidden = encoder.forward({ tokens: matrix(tokens), tokenTypes: matrix(tokenTypes), lengths }).hidden;
      return encoder.pairLogits(encoder.pooled(hidden)).dataSync();
    });
    if (!logits.every(Number.isFinite)) return Number.NaN;
    pairLabels?.forEach((label, row) => {
      if ((logits[2 * row + 1]! > logits[2 * row]! ? 1 : 0) === label) right++;
      pairs++;
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return right / pairs;
}
