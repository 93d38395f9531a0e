/** One update of the weights: gradients, reduction, clipping, optimizer. */
import { hostname } from "node:os";
import type { Model } from "@megatron-ts/model";
import { hashKey } from "@megatron-ts/random";
import type { TrainConfig } from "../configuration/train-configuration.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { type AccumulateOptions, accumulate } from "../step/accumulate.ts";
import { clipByGlobalNorm } from "../step/gradients.ts";
import type { LossAndGradients } from "../step/loss-and-gradients.ts";
import type { GradientNorms } from "../step/noise-scale.ts";
import type { Optimizer } from "../step/optimizer.ts";
import { sumPartialGradients } from "../step/partial-gradients.ts";
import { allReduce } from "../step/reduce-gradients.ts";
import type { Shards } from "../step/shards.ts";
import type { TeacherModel } from "../step/taught.ts";
import type { TiedWeights } from "../step/tied-weights.ts";
import { NonFiniteError } from "./events.ts";

export interface TrainStepOptions {
  model: Model;
  objective: Objective<MicroBatch>;
  optimizer: Optimizer;
  /** This rank's share of the update; null where every rank of the data axis updates all weights. */
  shards?: Shards | null;
  /** Weights that other stages have too; null without a pipeline. */
  tied?: TiedWeights | null;
  /** Computes each micro-batch. */
  compute: LossAndGradients;
  onBackward?: AccumulateOptions["onBackward"];
  /** Whose logits the losses follow, in a pipeline. */
  teacher?: TeacherModel | null;
  train: TrainConfig;
  /** Updates done so far. */
  step: number;
  learningRate: number;
}

/** Throws a NonFiniteError before it changes the weights. */
export function trainStep(
  batch: MicroBatch,
  {
    model,
    objective,
    optimizer,
    shards = null,
    tied = null,
    compute,
    onBackward,
    teacher,
    train,
    step,
    learningRate,
  }: TrainStepOptions,
): { loss: number; gradientNorm: number; noiseNorms: GradientNorms | null } {
  const own = accumulate({ model, objective }, batch, {
    microBatchSize: train.microBatchSize,
    recompute: train.recompute,
    compute,
    onBackward,
    teacher,
    random: { key: hashKey(train.seed, "step", step), firstRow: 0, globalRows: batch.batchSize },
  });
  const { replicas, pipeline } = model.mesh;
  const complete = sumPartialGradients(own.gradients, model);
  const gradients = tied ? tied.sum(complete) : complete;
  const reduced = shards ? shards.reduce(gradients) : allReduce(gradients, replicas);
  const sums = Float64Array.of(own.loss, ...sumAndCount(own.microBatchSquaredNorms));
  replicas.reduce(sums);
  pipeline.reduce(sums);
  const [loss, squaredNorms, parts] = [sums[0]!, sums[1]!, sums[2]!];
  const { clipped, norm } = clipByGlobalNorm(reduced, {
    ...{ mesh: model.mesh, parameters: (shards ?? model).parameters, sharded: shards !== null },
    isCounted: tied?.isCounted,
    maxNorm: train.clipNorm,
  });
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
    const where = firstWithout(Number.isFinite(own.loss) && own.microBatchSquaredNorms.every(Number.isFinite), model);
    throw new NonFiniteError(
      `step ${step + 1}${where}: the loss is ${loss} and the gradient norm ${norm}; the weights were not changed and the last ` +
        "checkpoint is intact: lower the learning rate or check the data, then resume",
    );
  }
  const update = () => optimizer.update(clipped, learningRate);
  if (shards) shards.update(update);
  else update();
  const equalParts = parts > 1 && batch.batchSize === parts * train.microBatchSize;
  const noiseNorms = equalParts
    ? {
        smallBatch: train.microBatchSize,
        smallSquaredNorm: squaredNorms / parts,
        largeBatch: batch.batchSize,
        largeSquaredNorm: norm * norm,
      }
    : null;
  return { loss, gradientNorm: norm, noiseNorms };
}

/** The first rank whose own results are not finite, and its host; nothing for a run of one rank. All ranks call it. */
function firstWithout(finite: boolean, { mesh: { world } }: Model): string {
  if (world.size === 1) return "";
  const ranks = world.gatherText(finite ? "" : hostname());
  const first = ranks.findIndex((host) => host !== "");
  const others = ranks.filter((host) => host !== "").length - 1;
  // Gradients that overflow only in their sum are no single rank's.
  if (first < 0) return ", in the sum of all ranks";
  return `, rank ${first} on ${ranks[first]}${others > 0 ? ` and ${others} more` : ""}`;
}

const sumAndCount = (values: readonly number[]) => [values.reduce((sum, value) => sum + value, 0), values.length];
