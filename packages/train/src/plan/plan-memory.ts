/**
 * The memory of a run before it starts: one training step on a backend that computes nothing and counts bytes, with the model,
 * objective, optimizer and recomputation of the recipe. Every family, layout and split is planned by the code that trains it.
 */
import { createBatchSchedule } from "@megatron-ts/data";
import { createModel, type ModelConfig, readsSource } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import { countParameters } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { ConfigError } from "../errors.ts";
import { partsOf } from "../objectives/configuration.ts";
import { openObjective, resolveObjective } from "../objectives/open-objective.ts";
import { checkTrainedParts } from "../objectives/trained-parts.ts";
import { createOptimizer } from "../run/build-training.ts";
import { stepFlops, workloadTokens } from "../run/step-flops.ts";
import { trainStep } from "../run/train-step.ts";
import { captureLossAndGradients, type LossAndGradients } from "../step/loss-and-gradients.ts";
import { createWeightAverage } from "../step/weight-average.ts";
import { plannedMesh } from "./planned-mesh.ts";
import { standInDocuments } from "./stand-in-documents.ts";

/** Bytes of tensors on a backend that counts them, and when they were made. */
export interface CountedMemory {
  usage(): { inUse: number; peak: number; peakAt: number };
  sizeOf(tensor: tf.Tensor): { bytes: number; madeAt: number };
}

/** Runs a function on such a backend: `countMemory` of the engine. */
export type CountMemory = <T>(f: (memory: CountedMemory) => T) => T;

/** Bytes of one rank at the peak of a training step, by what they are for. */
export interface MemoryPlan {
  weights: number;
  /** Of those weights that have one already, over all micro-batches so far. */
  gradients: number;
  /** Moments, and the average of the weights if there is one. */
  optimizer: number;
  /** What the backward pass needs, and intermediate results. */
  activations: number;
  /** Their sum: the peak of the backend. */
  peak: number;
}

/** What a step is, and what it takes. */
export interface StepPlan {
  memory: MemoryPlan;
  /** Of the whole model. */
  parameters: number;
  /** Over all ranks and micro-batches. */
  tokensPerStep: number;
  /** What the model needs; recomputation does not count. */
  flopsPerStep: number;
}

/** Tokens of a micro-batch that is built to be counted. Larger ones are extrapolated: memory is linear in them. */
const MOST_TOKENS = 1 << 15;

/**
 * Plans a training step of a configuration.
 * @param model with its vocabulary
 * @throws ConfigError for an objective that the tokenizer or the model does not go with, ParallelError for a split of weights
 * that leaves a remainder
 */
export function planStep(
  configuration: PretrainConfig,
  { model, tokenizer, count }: { model: ModelConfig; tokenizer: Tokenizer; count: CountMemory },
): StepPlan {
  const { train, data, parallel } = configuration;
  const rows = Math.ceil(train.batchSize / parallel.data);
  const micro = Math.min(train.microBatchSize, rows);
  const planned = (microBatchSize: number) => {
    const batchSize = Math.min(rows, 2 * microBatchSize);
    return count((memory) =>
      countStep({ ...configuration, train: { ...train, batchSize, microBatchSize } }, { model, tokenizer, memory }),
    );
  };
  const most = Math.max(2, Math.floor(MOST_TOKENS / data.sequenceLength));
  const large = planned(Math.min(micro, most));
  const factor = train.batchSize / large.batchSize;
  return {
    memory: micro <= most ? large.memory : extrapolated(planned(most >> 1).memory, large.memory, micro / most),
    parameters: large.parameters,
    tokensPerStep: large.tokens * factor,
    flopsPerStep: large.flops * factor,
  };
}

/** The memory of `times` as many samples as in `large`, which are twice as many as in `half`. */
function extrapolated(half: MemoryPlan, large: MemoryPlan, times: number): MemoryPlan {
  const activations = large.activations + 2 * (large.activations - half.activations) * (times - 1);
  return { ...large, activations, peak: large.peak - large.activations + activations };
}

interface CountedStep {
  memory: MemoryPlan;
  parameters: number;
  batchSize: number;
  tokens: number;
  flops: number;
}

/** Runs one step of one or two micro-batches. */
function countStep(
  { train, data, parallel, engine }: PretrainConfig,
  { model: config, tokenizer, memory }: { model: ModelConfig; tokenizer: Tokenizer; memory: CountedMemory },
): CountedStep {
  const resolved = resolveObjective(train.objective, config);
  const untrained = checkTrainedParts(config, resolved);
  if (untrained.length > 0) throw new ConfigError(untrained);
  const { objective, trainingBatches } = openObjective(resolved);
  const pairs = partsOf(resolved).some(({ name }) => name === "source-target");
  const { sequenceLength } = data;
  const dataset = standInDocuments(tokenizer, {
    ...(pairs ? { sequenceLength, sequencesPerDocument: 2 } : { sequenceLength: 32, sequencesPerDocument: 16 }),
    tokens: 4 * train.batchSize * (sequenceLength + 1),
  });
  const batch = trainingBatches({
    data,
    tokenizer,
    readsSource: readsSource(config),
    seed: train.seed,
    training: [{ dataset, documents: dataset.documentsOf("all"), weight: 1 }],
    schedule: createBatchSchedule({ batchSize: train.batchSize }),
  }).at(0);

  const model = createModel(config, {
    mesh: plannedMesh(parallel),
    weights: { source: ({ shape }) => tf.keep(tf.fill([...shape], 0)) },
  });
  const bytesOf = (tensors: Iterable<tf.Tensor>) =>
    [...tensors].reduce((sum, tensor) => sum + memory.sizeOf(tensor).bytes, 0);
  const weights = bytesOf([...model.parameters.values()].map(({ tensor }) => tensor));
  const state = createOptimizer(model.parameters, train.optimizer);
  const average = train.weightAverage && createWeightAverage(model.parameters, train.weightAverage);
  const optimizer = memory.usage().inUse - weights;

  const steps = captureLossAndGradients();
  const seen = { gradients: 0, held: 0, peak: 0 };
  const compute: LossAndGradients = (...args) => {
    const results = steps.compute(...args);
    const { peak, peakAt } = memory.usage();
    const sizes = results.slice(1).map((tensor) => memory.sizeOf(tensor));
    const before = seen.held;
    if (peak > seen.peak) {
      const made = sizes.filter(({ madeAt }) => madeAt <= peakAt).reduce((sum, { bytes }) => sum + bytes, 0);
      Object.assign(seen, { peak, gradients: before + made });
    }
    seen.held = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
    return results;
  };
  withPrecision(engine.precision, () =>
    trainStep(batch, { model, objective, optimizer: state, compute, train, step: 0, learningRate: 0 }),
  );
  average?.update(1);
  const { peak } = memory.usage();
  const gradients = peak > seen.peak ? seen.held : seen.gradients;
  const workload = objective.workload(batch);
  steps.dispose();
  average?.dispose();
  state.dispose();
  model.dispose();
  return {
    memory: { weights, gradients, optimizer, activations: peak - weights - gradients - optimizer, peak },
    parameters: countParameters(model.parameters),
    batchSize: train.batchSize,
    tokens: workloadTokens(workload),
    flops: stepFlops(model.config, workload),
  };
}
