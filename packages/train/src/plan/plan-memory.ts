/**
 * The memory of a run before it starts: one training step on a backend that computes nothing and counts bytes, with the model,
 * objective, optimizer and recomputation of the recipe. Every family, layout and split is planned by the code that trains it.
 */
import { countModelParameters, createModel, type ModelConfig } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import { countParameters, type ParameterSource, trainedParameters } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import type { ParallelConfig, TrainConfig } from "../configuration/train-configuration.ts";
import type { DistillConfig } from "../distillation/configuration.ts";
import { teacherConfigAt } from "../distillation/teacher.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { buildTraining, type TrainedPart } from "../run/build-training.ts";
import { stagesOf } from "../run/stages.ts";
import { stageFlops, stepFlops, workloadTokens } from "../run/step-flops.ts";
import { trainStep } from "../run/train-step.ts";
import { captureLossAndGradients, type LossAndGradients } from "../step/loss-and-gradients.ts";
import { lossAndGradientsTaughtBy } from "../step/taught.ts";
import { plannedMesh } from "./planned-mesh.ts";
import { plannedPipeline, recordStages, type StageMessages } from "./planned-pipeline.ts";
import { stageLayers } from "./stage-shares.ts";
import { standInBatch } from "./stand-in-batch.ts";

/** Bytes of tensors on a backend that counts them, and when they were made. */
export interface CountedMemory {
  usage(): { inUse: number; peak: number; peakAt: number };
  sizeOf(tensor: tf.Tensor): { bytes: number; madeAt: number };
}

/** Runs a function on such a backend: `countMemory` of the engine. */
export type CountMemory = <T>(f: (memory: CountedMemory) => T) => T;

/** Bytes of one rank at the peak of a training step, by what they are for. */
export interface MemoryPlan {
  /** A teacher's included. */
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
  /** Of the rank that takes most. */
  memory: MemoryPlan;
  /** What each rank of the pipeline has; without one, all. */
  stages: StagePlan[];
  /** Of the whole model. */
  parameters: number;
  /** Over all ranks and micro-batches, sources included. */
  tokensPerStep: number;
  /** What the model needs; recomputation does not count. */
  flopsPerStep: number;
  /** What a machine computes, by what the backward pass computes again. */
  hardwareFlopsPerStep: Record<"none" | "selective" | "full", number>;
}

/** What a rank of a pipeline has and takes. */
export interface StagePlan {
  /** The first of its layers and the number behind its last, for each of its stages: an encoder's layers come before the decoder's. */
  layers: { first: number; end: number }[];
  /** With those that other stages have too, such as a tied embedding. Of all ranks of the tensor axis together. */
  parameters: number;
  /** What its layers need for the whole batch; recomputation does not count. */
  flopsPerStep: number;
  memory: MemoryPlan;
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
  const { train, data, parallel, engine, distill } = configuration;
  const { pipeline, virtualStages, context } = parallel;
  const rows = Math.ceil(train.batchSize / parallel.data);
  const micro = Math.min(train.microBatchSize, rows);
  const { sharded, counted } = countedShards(parallel, model);
  const teacher = distill ? { ...distill, config: teacherConfigAt(distill) } : undefined;
  // So many that all are in flight that ever are, beside the gradients of those before.
  const inFlight = virtualStages === 1 ? pipeline + 1 : 4 * pipeline;
  const planned = once((microBatchSize) => {
    const batchSize = counted * Math.min(rows, inFlight * microBatchSize);
    const changed = {
      ...configuration,
      train: { ...train, batchSize, microBatchSize },
      parallel: {
        ...parallel,
        data: counted,
        distributedOptimizer: parallel.distributedOptimizer && counted * context > 1,
      },
    };
    const { objective, batch } = standInBatch(changed, { model, tokenizer });
    const parts: StepParts = {
      ...{ train: changed.train, engine, parallel: changed.parallel, config: model, objective, batch, teacher },
    };
    const messages = pipeline > 1 ? count(() => recordMicroBatch(parts)) : null;
    return Array.from({ length: pipeline }, (_, rank) => {
      const stage = messages ? { rank, messages } : undefined;
      const counting = count((memory) => countStep({ ...parts, stage }, memory));
      return { ...counting, memory: withSharedState(counting.memory, sharded / counted) };
    });
  });
  const ranks = Array.from({ length: pipeline }, (_, rank) =>
    planMicroBatch(micro, { tokens: data.sequenceLength, planned: (size) => planned(size)[rank]! }),
  );
  const factor = train.batchSize / ranks[0]!.step.batchSize;
  const layers = stageLayers(model, parallel);
  const stages = ranks.map(
    ({ step, memory }, rank): StagePlan => ({
      layers: layers[rank]!.map(({ first, end }) => ({ first, end })),
      parameters: step.parameters,
      flopsPerStep: step.stageFlops * factor,
      memory,
    }),
  );
  const { step } = ranks[0]!;
  return {
    memory: stages.map(({ memory }) => memory).reduce((most, memory) => (memory.peak > most.peak ? memory : most)),
    stages,
    parameters: pipeline > 1 ? countModelParameters(model) : step.parameters,
    tokensPerStep: step.tokens * factor,
    flopsPerStep: step.flops * factor,
    hardwareFlopsPerStep: {
      none: step.flops * factor,
      selective: step.hardwareFlops.selective * factor,
      full: step.hardwareFlops.full * factor,
    },
  };
}

/** Calls f once for each number. */
function once<T>(f: (n: number) => T): (n: number) => T {
  const known = new Map<number, T>();
  return (n) => {
    const result = known.get(n) ?? f(n);
    known.set(n, result);
    return result;
  };
}

const recordMicroBatch = ({ train, engine, parallel, config, objective, batch, teacher }: StepParts): StageMessages =>
  withPrecision(engine.precision, () => {
    const rows = objective.slice(batch, 0, Math.min(train.microBatchSize, batch.batchSize));
    const own = recordStages(config, { objective, parallel: parallel!, recompute: train.recompute, rows });
    if (!teacher) return own;
    // What a teacher's stages pass on comes behind the student's, and nothing comes back.
    const taught = recordStages(teacher.config, {
      objective,
      parallel: { ...parallel!, stages: undefined },
      recompute: undefined,
      rows,
    });
    return { ...own, forward: own.forward.map((messages, stage) => [...messages, ...taught.forward[stage]!]) };
  });

/** The ranks that share the optimizer's state, and as many of them as are counted. */
export function countedShards(
  { distributedOptimizer, data }: Pick<ParallelConfig, "distributedOptimizer" | "data">,
  model: ModelConfig,
): { sharded: number; counted: number } {
  const sharded = distributedOptimizer ? data : 1;
  // Sharding copies all gradients, of zeros, in JavaScript.
  return { sharded, counted: sharded <= MOST_SHARDS && countModelParameters(model) <= MOST_SHARDED ? sharded : 1 };
}

/** With the optimizer's state spread over more ranks than were counted. */
export function withSharedState(memory: MemoryPlan, ranks: number): MemoryPlan {
  const optimizer = memory.optimizer / ranks;
  return { ...memory, optimizer, peak: memory.peak - memory.optimizer + optimizer };
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
  /** Of this rank's stages alone. */
  stageFlops: number;
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
  /** One or two micro-batches; in a pipeline as many as are in flight, and more. */
  batch: MicroBatch;
  /** Default: none. */
  teacher?: Pick<DistillConfig, "temperature" | "weight"> & { config: ModelConfig };
  /** The rank of a pipeline, and what its stages pass on. */
  stage?: { rank: number; messages: StageMessages };
}

/** Runs a step where only bytes are counted. */
export function countStep(
  { train, engine, parallel, config, trained, objective, batch, teacher, stage }: StepParts,
  memory: CountedMemory,
): CountedStep {
  const zeros: ParameterSource = ({ shape }) => tf.keep(tf.fill([...shape], 0));
  const { pipeline: size, virtualStages: chunks } = parallel ?? { pipeline: 1, virtualStages: 1 };
  const steps = { size, chunks, count: Math.ceil(batch.batchSize / (parallel?.data ?? 1) / train.microBatchSize) };
  const axis = stage && plannedPipeline({ ...steps, rank: stage.rank }, stage.messages);
  const mesh = parallel && plannedMesh(parallel, axis);
  const teaching = teacher && {
    ...teacher,
    model: createModel(teacher.config, {
      ...{ mesh, weights: { source: zeros } },
      stages: parallel && stagesOf(teacher.config, { ...parallel, stages: undefined }),
    }),
  };
  const {
    model,
    optimizer: state,
    shards,
    tied,
    average,
  } = buildTraining(config, {
    ...{ train, step: 0, checkpoint: null, init: null, parallel, precision: engine.precision, trained },
    ...{ mesh, weights: zeros },
  });
  const bytesOf = (tensors: Iterable<tf.Tensor>) =>
    [...tensors].reduce((sum, tensor) => sum + memory.sizeOf(tensor).bytes, 0);
  const weights = [model, ...(teaching ? [teaching.model] : [])].reduce(
    (sum, { parameters }) => sum + bytesOf([...parameters.values()].map(({ tensor }) => tensor)),
    0,
  );
  const optimizer = memory.usage().inUse - weights;

  const captured = captureLossAndGradients();
  const single = teaching ? lossAndGradientsTaughtBy(teaching) : captured.compute;
  const seen = { gradients: 0, held: 0, peak: 0 };
  /** Counts the gradients that a backward made, and those of earlier ones. */
  const see = (tensors: readonly (tf.Tensor | null)[], held: (bytes: number) => number) => {
    const { peak, peakAt } = memory.usage();
    const sizes = tensors.flatMap((tensor) => (tensor ? [memory.sizeOf(tensor)] : []));
    if (peak > seen.peak) {
      const made = sizes.filter(({ madeAt }) => madeAt <= peakAt).reduce((sum, { bytes }) => sum + bytes, 0);
      Object.assign(seen, { peak, gradients: seen.held + made });
    }
    seen.held = held(sizes.reduce((sum, { bytes }) => sum + bytes, 0));
  };
  const compute: LossAndGradients = (...args) => {
    const results = single(...args);
    see(results.slice(1), (bytes) => bytes);
    return results;
  };
  /** Bytes of gradients by the stages of this rank, each of which has its own weights. */
  const ofChunks = new Map<string, number>();
  const onBackward = (gradients: readonly (tf.Tensor | null)[]) =>
    see(gradients, (bytes) => {
      ofChunks.set(gradients.map((gradient) => (gradient ? 1 : 0)).join(""), bytes);
      return [...ofChunks.values()].reduce((sum, each) => sum + each, 0);
    });
  withPrecision(engine.precision, () =>
    trainStep(batch, {
      ...{ model, objective, optimizer: state, shards, tied, compute, onBackward, teacher: teaching },
      ...{ train, step: 0, learningRate: 0 },
    }),
  );
  average?.update(1);
  const { peak } = memory.usage();
  const gradients = peak > seen.peak ? seen.held : seen.gradients;
  const workload = objective.workload(batch);
  captured.dispose();
  average?.dispose();
  state.dispose();
  model.dispose();
  teaching?.model.dispose();
  const flops = stepFlops(model.config, workload);
  return {
    memory: { weights, gradients, optimizer, activations: peak - weights - gradients - optimizer, peak },
    parameters: countParameters(model.parameters),
    trainedParameters: countParameters(trainedParameters(model.parameters)),
    batchSize: train.batchSize,
    tokens: workloadTokens(workload),
    flops,
    stageFlops: stage
      ? stageFlops(model.config, workload, { stages: stageLayers(config, parallel!)[stage.rank]! })
      : flops,
    hardwareFlops: {
      selective: stepFlops(model.config, workload, "selective"),
      full: stepFlops(model.config, workload, "full"),
    },
  };
}
