/**
 * Gradient accumulation: runs a global batch in micro-batches and returns its mean loss and the gradient of that mean. A rank
 * of the data axis runs its own rows, and returns its part of both.
 */

import type { ForwardOptions, Model, StepRandomness } from "@megatron-ts/model";
import { trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { type Gradients, squaredNorm } from "./gradients.ts";
import { type LossAndGradients, lossAndGradients } from "./loss-and-gradients.ts";
import { addInto, runPipeline } from "./pipeline.ts";
import type { TeacherModel } from "./taught.ts";

/** Options of `accumulate`. */
export interface AccumulateOptions {
  microBatchSize: number;
  /** Turns dropout on; `firstRow` is the index of the first row in the global batch. */
  random?: StepRandomness | null;
  recompute?: ForwardOptions["recompute"];
  /** Computes each micro-batch, for example from a captured step. Default: `lossAndGradients`. */
  compute?: LossAndGradients;
  /** Sees the gradients that each backward of a pipeline's stage adds, null for weights of its other stages. */
  onBackward?: (gradients: readonly (tf.Tensor | null)[]) => void;
  /** Whose logits the losses follow, in a pipeline; elsewhere `compute` does it. Default: none. */
  teacher?: TeacherModel | null;
}

/** The result of `accumulate`. */
export interface Accumulated {
  /** Mean loss in nats: of the global batch, or what this rank's rows add to it. */
  loss: number;
  gradients: Gradients;
  /** Squared norm of the mean gradient of each of these micro-batches, for the gradient noise scale. */
  microBatchSquaredNorms: number[];
}

/** The rows of a global batch that a rank of the data axis runs: as many on each. */
const rowsOf = (batchSize: number, { rank, size }: { rank: number; size: number }): [start: number, end: number] => [
  Math.floor((batchSize * rank) / size),
  Math.floor((batchSize * (rank + 1)) / size),
];

/** The tokens of these rows that a rank of the context axis has. Throws an Error for an objective that cannot share them. */
export function ownTokens<Batch extends MicroBatch>(
  { name, shareTokens }: Objective<Batch>,
  rows: Batch,
  axis: { rank: number; size: number },
): Batch {
  if (axis.size === 1) return rows;
  if (!shareTokens) throw new Error(`ranks cannot share the tokens of the ${name} objective`);
  return shareTokens(rows, axis);
}

/** Accumulates gradients over micro-batches, in f32 whatever the precision of the model. */
export function accumulate<Batch extends MicroBatch>(
  { model, objective }: { model: Model; objective: Objective<Batch> },
  batch: Batch,
  { microBatchSize, random, recompute, compute = lossAndGradients, onBackward, teacher = null }: AccumulateOptions,
): Accumulated {
  const count = objective.count(batch);
  const { context, sequenceParallel } = model.mesh;
  // Where ranks share the tokens of sequences, each has a part of some gradients.
  const single = batch.batchSize <= microBatchSize || sequenceParallel || context.size > 1;
  let total: tf.Tensor[] | null = null;
  let lossSum = 0;
  const microBatchSquaredNorms: number[] = [];

  const [firstRow, endRow] = rowsOf(batch.batchSize, model.mesh.data);
  const parts: { rows: Batch; options: ForwardOptions }[] = [];
  for (let start = firstRow; start < endRow; start += microBatchSize) {
    parts.push({
      rows: ownTokens(objective, objective.slice(batch, start, Math.min(start + microBatchSize, endRow)), context),
      options: { recompute, random: random && { ...random, firstRow: random.firstRow + start } },
    });
  }
  if (model.mesh.pipeline.size > 1) {
    const { lossSum: sum, gradients: tensors } = runPipeline({ model, objective }, parts, {
      scale: 1 / count,
      onBackward,
      teacher,
    });
    // A stage has the norm of its own gradients only.
    return { loss: sum / count, gradients: { tensors, scale: 1 }, microBatchSquaredNorms };
  }
  for (const { rows, options } of parts) {
    const [loss, ...gradients] = compute({ model, objective }, rows, { ...options, scale: 1 / count });
    lossSum += loss!.dataSync()[0]!;
    tf.dispose(loss!);
    if (!single) {
      const share = objective.count(rows) / count;
      const own = { tensors: gradients, scale: share > 0 ? 1 / share : 0 };
      microBatchSquaredNorms.push(squaredNorm(own, model));
    }
    total = total ? addInto(total, gradients) : gradients;
  }
  // A rank may have no row of a batch that is smaller than the axis.
  const tensors = total ?? [...trainedParameters(model.parameters).values()].map(({ shape }) => tf.zeros([...shape]));
  return { loss: lossSum / count, gradients: { tensors, scale: 1 }, microBatchSquaredNorms };
}
