/**
 * What a model is trained for: one of data's sample builders paired with a loss. It knows batches as typed arrays and
 * models as functions; it knows no files, no optimizer and no schedule.
 */
import type { ForwardOptions, LanguageModel, Model } from "@megatron-ts/model";
import type * as tf from "@tensorflow/tfjs";

/** Some rows of a global batch. */
export interface Rows {
  readonly batchSize: number;
}

/** `Trained` is what a model must be able to do to be trained for it. */
export interface Objective<Batch extends Rows, Trained extends Model = LanguageModel> {
  readonly name: string;
  /** Tokens that the model reads in these rows. */
  tokens(batch: Batch): number;
  /** Number of losses that count in these rows: what a mean is taken over. */
  count(batch: Batch): number;
  /** Rows `start` to `end` of a batch. */
  slice(batch: Batch, start: number, end: number): Batch;
  /** Scalar: the sum of the losses of these rows, in nats. */
  lossSum(model: Trained, batch: Batch, options: Omit<ForwardOptions, "cache">): tf.Tensor;
}

/** Number of labels that count; negative ones do not. */
export function countLabels(labels: Int32Array): number {
  let count = 0;
  for (const label of labels) if (label >= 0) count++;
  return count;
}
