/** A loss over batches of typed arrays. It knows models as functions; it knows no files, no optimizer and no schedule. */
import type { SampleLengths } from "@megatron-ts/cost";
import type { ForwardOptions, ForwardOutput, Model, Prediction } from "@megatron-ts/model";
import type * as tf from "@tensorflow/tfjs";

/** Rows of a global batch. */
export interface MicroBatch {
  readonly batchSize: number;
}

/** Samples of equal lengths, and the way in which a model predicts them. */
export interface Workload {
  prediction: Prediction;
  samples: number;
  lengths: SampleLengths;
}

/** A loss over batches of one type, for models that predict in the way it needs. */
export interface Objective<Batch extends MicroBatch> {
  readonly name: string;
  /** What the model reads in these rows, from which tokens and FLOPs are counted. */
  workload(batch: Batch): readonly Workload[];
  /** Number of losses that count in these rows: what a mean is taken over. */
  count(batch: Batch): number;
  /** Rows `start` to `end` of a batch. */
  slice(batch: Batch, start: number, end: number): Batch;
  /** Scalar: the sum of the losses of these rows, in nats. Throws a ModelError for a model that cannot predict so. */
  lossSum(model: Model, batch: Batch, options: ForwardOptions): tf.Tensor;
  /** One rank's equal share of the tokens of these rows, in objectives whose losses are of single tokens and models can share them. */
  shareTokens?(rows: Batch, axis: { rank: number; size: number }): Batch;
  /** The same in the stages of a pipeline, in objectives that can be computed so. */
  readonly inStages?: StagedObjective<Batch>;
  /** The same in two parts, where nothing else of the rows matters and all have one shape: a step can then be captured. */
  readonly byArrays?: {
    /** What the loss reads of these rows. */
    arrays(batch: Batch): readonly BatchArray[];
    /** The same loss from tensors of these arrays. */
    lossSum(model: Model, tensors: readonly tf.Tensor[], options: ForwardOptions): tf.Tensor;
  };
}

/** A loss in two parts, with the stages of a model in between. The caller disposes what they return. */
export interface StagedObjective<Batch extends MicroBatch> {
  /** What this stage of the model gives from what it received: on the last stage, one tensor. */
  states(model: Model, batch: Batch, options: ForwardOptions): tf.Tensor[];
  /** Scalar: the sum of the losses of these rows, from what the last stage gave. */
  lossSum(model: Model, batch: Batch, states: tf.Tensor): tf.Tensor;
}

/** What a stage gives to the next: the states, and what else those behind it read. */
export const passedOn = ({ hidden, carried = [] }: ForwardOutput): tf.Tensor[] => [hidden, ...carried];

/** Numbers of a tensor. */
interface BatchArray {
  readonly values: Int32Array;
  readonly shape: readonly number[];
}

/** Number of labels that count; negative ones do not. */
export function countLabels(labels: Int32Array): number {
  let count = 0;
  for (const label of labels) if (label >= 0) count++;
  return count;
}
