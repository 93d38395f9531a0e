/**
 * The memory of a run before it starts: one training step on a backend that computes nothing and counts bytes, with the model,
 * objective, optimizer and recomputation of the recipe. Every family, layout and split is planned by the code that trains it.
 */
import { countModelParameters, type ModelConfig } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import { countParameters, trainedParameters } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import type { ParallelConfig, TrainConfig } from "../configuration/train-configuration.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { buildTraining, type TrainedPart } from "../run/build-training.ts";
import { stepFlops, workloadTokens } from "../run/step-flops.ts";
import { trainStep } from "../run/train-step.ts";
import { captureLossAndGradients, type LossAndGradients } from "../step/loss-and-gradients.ts";
import { plannedMesh } from "./planned-mesh.ts";
import { standInBatch } from "./stand-in-batch.ts";

/** Bytes of tensors on a backend that counts them, and when they were made. */
export interface CountedMemory {
  usage(): { inUse: number; peak: number; peakAt: number };
  sizeOf(tensor: tf.Tensor): { bytes: number; madeAt: number };
}

/** Runs a function on such a backend: `countMemory` of the engine. */
export type CountMemory = <T>(f: (memory: CountedMemory) => T) => T;

/** Bytes of one rank at the peak of a training step, by what they are for. An estimate for the stages of a pipeline, else exact. */
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
  /** Over all ranks and micro-batches, sources included. */
  tokensPerStep: number;
  /** What the model needs; recomputation does not count. */
  flopsPerStep: number;
  /** What a machine computes, by what the backward pass computes again. */
  hardwareFlopsPerStep: Record<"none" | "selective" | "full", number>;
}

/** What Node.js and our code take at least, for each rank. */
export const PROCESS_BYTES = 64e6;

/** Tokens of a micro-batch that is built to be counted. Larger ones are extrapolated: memory is linear in them. */
const MOST_TOKENS = 1 << 15;

/** Ranks and parameters up to which the sharding of a distributed optimizer is counted; beyond, its state is divided. */
const [MOST_SHARDS, MOST_SHARDED] = [16, 1e9];

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
  const sharded = parallel.distributedOptimizer ? parallel.data : 1;
  // Sharding copies all gradients, of zeros, in JavaScript.
  const counted = sharded <= MOST_SHARDS && countModelParameters(model) <= MOST_SHARDED ? sharded : 1;
  const planned = (microBatchSize: number) => {
    const batchSize = counted * Math.min(rows, 2 * microBatchSize);
    const changed = {
      ...configuration,
      train: { ...train, batchSize, microBatchSize },
      parallel: { ...parallel, data: counted, pipeline: 1, stages: undefined },
    };
    const counting = count((memory) => {
      const { objective, batch } = standInBatch(changed, { model, tokenizer });
      const { train, engine, parallel } = changed;
      return countStep({ train, engine, parallel, config: model, objective, batch }, memory);
    });
    const memory = withSharedState(counting.memory, sharded / counted);
    return { ...counting, memory: ofStage(memory, parallel.pipeline) };
  };
  const { step, memory } = planMicroBatch(micro, { tokens: data.sequenceLength, planned });
  const factor = train.batchSize / step.batchSize;
  return {
    memory,
    parameters: step.parameters,
    tokensPerStep: step.tokens * factor,
    flopsPerStep: step.flops * factor,
    hardwareFlopsPerStep: {
      none: step.flops * factor,
      selective: step.hardwareFlops.selective * factor,
      full: step.hardwareFlops.full * factor,
    },
  };
}

/** With the optimizer's state spread over more ranks than were counted. */
function withSharedState(memory: MemoryPlan, ranks: number): MemoryPlan {
  const optimizer = memory.optimizer / ranks;
  return { ...memory, optimizer, peak: memory.peak - memory.optimizer + optimizer };
}

/**
 * An estimate for one of `stages` stages, if they are alike: each has its share of the weights, and keeps the activations of as many
 * micro-batches as there are stages.
 */
function ofStage(memory: MemoryPlan, stages: number): MemoryPlan {
  const [weights, gradients, optimizer] = [memory.weights, memory.gradients, memory.optimizer].map(
    (x) => x / stages,
  ) as [number, number, number];
  return { ...memory, weights, gradients, optimizer, peak: weights + gradients + optimizer + memory.activations };
}

/**
 * The memory of a step of micro-batches of `rows`, from that of smaller ones if they have too many tokens to be built.
 * @param tokens of a row
 * @param planned counts a step of one or two micro-batches of that many rows
 */
export function planMicroBatch(
  rows: number,
  { tokens, planned }: { tokens: number; planned: (rows: number) => CountedStep },
): { step: CountedStep; memory: MemoryPlan } {
  // Blocks of memory are rounded up in a way that doubling does not change.
  let large = rows;
  while (large * tokens > MOST_TOKENS && large > 2) large = Math.ceil(large / 2);
  const half = Math.ceil(large / 2);
  const step = planned(large);
  if (rows === large) return { step, memory: step.memory };
  const more = (rows - large) / (large - half);
  return { step, memory: extrapolated(planned(half).memory, step.memory, more) };
}

/** What follows `half` and `large` after `more` times the step between them. */
function extrapolated(half: MemoryPlan, large: MemoryPlan, more: number): MemoryPlan {
  const activations = large.activations + more * (large.activations - half.activations);
  return { ...large, activations, peak: large.peak - large.activations + activations };
}

/** What a step takes that was counted. */
export interface CountedStep {
  memory: MemoryPlan;
  parameters: number;
  /** Those of them that are trained. */
  trainedParameters: number;
  batchSize: number;
  tokens: number;
  flops: number;
  hardwareFlops: { selective: number; full: number };
}

/** A step to count, of any kind of training. */
export interface StepParts {
  train: TrainConfig;
  engine: PretrainConfig["engine"];
  /** Default: one rank. */
  parallel?: ParallelConfig;
  config: ModelConfig;
  /** What of the model is trained. Default: all of it. */
  trained?: TrainedPart;
  objective: Objective<MicroBatch>;
  /** One or two micro-batches. */
  batch: MicroBatch;
}

/** Runs a step where only bytes are counted. */
export function countStep(
  { train, engine, parallel, config, trained, objective, batch }: StepParts,
  memory: CountedMemory,
): CountedStep {
  const {
    model,
    optimizer: state,
    shards,
    average,
  } = buildTraining(config, {
    ...{ train, step: 0, checkpoint: null, init: null, parallel, precision: engine.precision, trained },
    mesh: parallel && plannedMesh(parallel),
    weights: ({ shape }) => tf.keep(tf.fill([...shape], 0)),
  });
  const bytesOf = (tensors: Iterable<tf.Tensor>) =>
    [...tensors].reduce((sum, tensor) => sum + memory.sizeOf(tensor).bytes, 0);
  const weights = bytesOf([...model.parameters.values()].map(({ tensor }) => tensor));
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
    trainStep(batch, { model, objective, optimizer: state, shards, compute, train, step: 0, learningRate: 0 }),
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
    trainedParameters: countParameters(trainedParameters(model.parameters)),
    batchSize: train.batchSize,
    tokens: workloadTokens(workload),
    flops: stepFlops(model.config, workload),
    hardwareFlops: {
      selective: stepFlops(model.config, workload, "selective"),
      full: stepFlops(model.config, workload, "full"),
    },
  };
}
