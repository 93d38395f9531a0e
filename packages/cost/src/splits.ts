/**
 * The fastest way to divide a model among devices: every split into tensor, pipeline and data parallel ranks that leaves no remainder
 * and fits their memory (Narayanan et al. 2021, section 3).
 */
import {
  type ClusterStep,
  type ClusterTime,
  clusterStepTime,
  type Split,
  type SplitTraffic,
  splitTraffic,
} from "./cluster.ts";
import type { Device } from "./devices.ts";
import { stateBytesPerParameter, storedActivationBytesPerLayer } from "./memory.ts";

/** Bytes of one device, by what they are for. */
export interface DeviceMemory {
  weights: number;
  gradients: number;
  optimizer: number;
  activations: number;
  total: number;
}

/** A split, and what it takes. */
export interface SplitPlan {
  split: Split;
  microBatchSize: number;
  recompute: ClusterStep["recompute"];
  /** Whether the ranks of the data axis share the optimizer's state (ZeRO-1). */
  distributedOptimizer: boolean;
  /** Of the rank of the pipeline that takes most. */
  memory: DeviceMemory;
  /** Of each rank of the pipeline. */
  stages: DeviceMemory[];
  time: ClusterTime;
  traffic: SplitTraffic;
}

/** What one rank of a pipeline has of a model. */
export interface StageShare {
  /** Layers, of all its stages. */
  layers: number;
  /** Parameters that a device holds, after the split of layers. */
  parameters: number;
  /** Its share of the step's FLOPs, 0..1. */
  flops: number;
}

/** A step whose micro-batches and recomputation are to be chosen. */
export interface ModelStep extends Omit<ClusterStep, "microBatchSize" | "recompute" | "hardwareFlops"> {
  vocabularySize: number;
  /** What the step computes, by what the backward pass computes again. */
  hardwareFlops: Readonly<Record<ClusterStep["recompute"], number>>;
  /** What each rank of the pipeline has. Default: equal shares. */
  stagesOf?: (split: Split) => readonly StageShare[];
}

/** What is given; the rest is chosen. */
export interface SplitOptions {
  device: Device;
  devices: number;
  split?: Partial<Split>;
  microBatchSize?: number;
  recompute?: ClusterStep["recompute"];
  /** Whether the ranks of the data axis share the optimizer's state (ZeRO-1). Default: only in splits that are faster so. */
  distributedOptimizer?: boolean;
}

const MICRO_BATCHES = [1, 2, 4, 8, 16, 32];
const RECOMPUTE = ["none", "selective", "full"] as const;

/** All splits that are possible, fastest first; those that do not fit the memory are left out. */
export function possibleSplits(model: ModelStep, options: SplitOptions): SplitPlan[] {
  const { device, devices } = options;
  const plans = splitsOf(model, options).flatMap((split) =>
    (options.microBatchSize ? [options.microBatchSize] : MICRO_BATCHES).flatMap((microBatchSize) => {
      const turn = (split.virtualStages ?? 1) > 1 ? split.pipeline : 1;
      if (model.batchSize % (split.data * microBatchSize * turn) !== 0) return [];
      return (options.recompute ? [options.recompute] : RECOMPUTE).flatMap((recompute) => {
        const stages = sharesOf(model, split);
        const slowest = split.pipeline * Math.max(...stages.map(({ flops }) => flops));
        const step = {
          ...{ ...model, microBatchSize, recompute, slowest },
          hardwareFlops: model.hardwareFlops[recompute],
        };
        const [time, traffic] = [clusterStepTime(step, { device, split }), splitTraffic(step, split)];
        return shardings(options.distributedOptimizer, split).map((distributedOptimizer) => {
          const memories = stages.map((share, stage) =>
            deviceMemory(step, { ...{ split, distributedOptimizer }, ...{ stage, share } }),
          );
          const memory = memories.reduce((most, each) => (each.total > most.total ? each : most));
          return { split, microBatchSize, recompute, distributedOptimizer, memory, stages: memories, time, traffic };
        });
      });
    }),
  );
  return plans
    .filter(
      ({ memory, split }) =>
        memory.total <= device.memoryBytes && split.tensor * split.pipeline * split.data === devices,
    )
    .sort((a, b) => a.time.total - b.time.total);
}

/** As given, else without first: a stable sort leaves it there where nothing is gained. */
const shardings = (given: boolean | undefined, { data }: Split) =>
  given !== undefined ? [given] : data > 1 ? [false, true] : [false];

function splitsOf(
  { numHeads, numLayers, batchSize }: ModelStep,
  { device, devices, split: given = {} }: SplitOptions,
): Split[] {
  const divisors = (n: number) => Array.from({ length: n }, (_, i) => i + 1).filter((size) => n % size === 0);
  const tensors = given.tensor ? [given.tensor] : divisors(numHeads).filter((size) => size <= device.perServer);
  return tensors.flatMap((tensor) =>
    (given.pipeline ? [given.pipeline] : divisors(numLayers)).flatMap((pipeline) => {
      const data = devices / (tensor * pipeline);
      const fits = numHeads % tensor === 0 && numLayers % pipeline === 0 && batchSize % data === 0;
      if (!Number.isInteger(data) || !fits || (given.data ?? data) !== data) return [];
      const stages = given.virtualStages ?? 1;
      if (stages > 1 && (pipeline === 1 || numLayers % (pipeline * stages) !== 0)) return [];
      return [{ tensor, pipeline, data, ...(stages > 1 && { virtualStages: stages }) }];
    }),
  );
}

function sharesOf(
  model: Pick<ModelStep, "numLayers" | "parameters" | "stagesOf">,
  split: Split,
): readonly StageShare[] {
  const { tensor, pipeline } = split;
  const equal = {
    layers: model.numLayers / pipeline,
    parameters: model.parameters / (tensor * pipeline),
    flops: 1 / pipeline,
  };
  return model.stagesOf?.(split) ?? Array<StageShare>(pipeline).fill(equal);
}

/**
 * Memory of a rank of the pipeline in bf16. The first of p holds as many micro-batches as there are ranks and each behind it one less (1F1B);
 * with v interleaved stages each, the first holds (p - 1) / v more (Korthikanti et al. 2022, section 4.2.3).
 * @param options.stage the rank. Default: the first
 * @param options.share what it has. Default: an equal part
 */
export function deviceMemory(
  step: ClusterStep & { vocabularySize: number },
  {
    split,
    distributedOptimizer = false,
    stage = 0,
    share = sharesOf(step, split)[stage]!,
  }: { split: Split; distributedOptimizer?: boolean; stage?: number; share?: StageShare },
): DeviceMemory {
  const { tensor, pipeline, data, virtualStages = 1 } = split;
  const { recompute, microBatchSize: b, sequenceLength: s, vocabularySize, batchSize } = step;
  const { layers, parameters: held } = share;
  const bytes = stateBytesPerParameter({ precision: "bf16", optimizerRanks: distributedOptimizer ? data : 1 });
  const behind = pipeline - stage - 1;
  const ahead = virtualStages > 1 ? pipeline + (2 * behind + 1 - pipeline) / virtualStages : behind + 1;
  const inFlight = Math.min(ahead, batchSize / (data * b));
  const options = { tensorRanks: tensor, recompute };
  const whole = storedActivationBytesPerLayer(step, { tensorRanks: tensor });
  const kept = layers * inFlight * storedActivationBytesPerLayer(step, options);
  // One layer is whole while its backward pass runs; the logits and their gradient, in f32 and bf16, are on the last stage.
  const logits = behind === 0 ? (6 * b * s * vocabularySize) / tensor : 0;
  const activations = kept + (recompute === "none" ? 0 : whole) + logits;
  const [weights, gradients, optimizer] = [bytes.weights * held, bytes.gradients * held, bytes.optimizer * held];
  return { weights, gradients, optimizer, activations, total: weights + gradients + optimizer + activations };
}
