/**
 * How long a training step takes on a cluster of accelerators, by a model with two fitted constants: the share of their peak that
 * matrix products reach, and how often what a layer stores is read and written. Everything else follows from sizes and data sheets
 * (Narayanan et al. 2021, sections 3 and 4). The links are shared by nothing else, and nothing overlaps.
 */
import type { Device } from "./devices.ts";

/** How work is divided among devices. */
export interface Split {
  /** Ranks that share each layer. */
  tensor: number;
  /** Ranks that share the layers. */
  pipeline: number;
  /** Stages of layers on each of them (interleaved 1F1B). Default: 1. */
  virtualStages?: number;
  /** Copies of the model. */
  data: number;
}

/** A decoder-only transformer's training step. */
export interface ClusterStep {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  sequenceLength: number;
  parameters: number;
  /** Samples in one update. */
  batchSize: number;
  /** Samples in one forward pass of one copy. */
  microBatchSize: number;
  /** What the whole step computes, recomputation included. */
  hardwareFlops: number;
  recompute: "none" | "selective" | "full";
  /** The work of the slowest rank of the pipeline, for which the others wait, beside the mean. Default: 1. */
  slowest?: number;
}

/** Seconds of a step, by what they are spent on. */
export interface ClusterTime {
  /** Matrix products. */
  products: number;
  /** Norms, dropout, softmax and the like, which are bound by memory. */
  elementwise: number;
  /** All-reduces of activations among the ranks that share a layer. */
  tensor: number;
  /** Activations and their gradients from stage to stage. */
  stages: number;
  /** Stages without work at the beginning and the end. */
  bubble: number;
  /** The all-reduce of gradients. */
  data: number;
  total: number;
}

/** Fitted to 1.7B parameters on 32 A100s and 530B on 2,520 (Narayanan et al. 2021, table 1). */
export const fittedConstants = { productEfficiency: 0.682, passesOverStored: 7.12 } as const;

/** The share of a link's bandwidth that a ring reaches. */
const LINK_EFFICIENCY = 0.7;

/**
 * Predicts a step at 16 bits.
 * @throws RangeError for a split that leaves a remainder of heads, layers or samples
 */
export function clusterStepTime(
  step: ClusterStep,
  {
    device,
    split,
    constants = fittedConstants,
  }: { device: Device; split: Split; constants?: { productEfficiency: number; passesOverStored: number } },
): ClusterTime {
  const { numLayers, hiddenSize, numHeads, sequenceLength, batchSize, microBatchSize, recompute } = step;
  checkSplit(step, split);
  const { tensor, pipeline, data, virtualStages = 1 } = split;
  const devices = tensor * pipeline * data;
  const microBatches = batchSize / (data * microBatchSize);
  const tokens = (batchSize * sequenceLength) / data;
  /** Layers that one device runs for each of its tokens. */
  const layers = numLayers / pipeline;

  const products =
    ((step.slowest ?? 1) * step.hardwareFlops) / devices / (constants.productEfficiency * device.peakFlopsPerSecond);
  const stored = hiddenSize * (10 + 24 / tensor) + (5 * numHeads * sequenceLength) / tensor;
  // A forward pass and two backward, and one forward again.
  const passes = constants.passesOverStored * (recompute === "full" ? 1 : 3 / 4);
  const elementwise = (passes * tokens * layers * stored) / device.memoryBandwidth;
  const link = LINK_EFFICIENCY * device.linkBandwidth;
  const traffic = splitTraffic(step, split);
  const tensorSeconds = traffic.tensor / link;
  // Within one server there is no network.
  const network = devices <= device.perServer ? link : LINK_EFFICIENCY * device.networkBandwidth;
  const stages = traffic.stages / network;
  const busy = products + elementwise + tensorSeconds + stages;
  const bubble = busy * bubbleShare({ pipeline, virtualStages, microBatches });
  const dataSeconds = traffic.data / network;
  const total = busy + bubble + dataSeconds;
  return { products, elementwise, tensor: tensorSeconds, stages, bubble, data: dataSeconds, total };
}

/**
 * How long a rank waits at both ends of a step, for each second that it works: (p - 1) / (v m) for m micro-batches in v stages on each
 * of p ranks (Narayanan et al. 2021, section 2.2).
 */
const bubbleShare = ({
  pipeline,
  virtualStages = 1,
  microBatches,
}: Pick<Split, "pipeline" | "virtualStages"> & { microBatches: number }): number =>
  (pipeline - 1) / (virtualStages * microBatches);

/** Bytes that one rank sends in a step, by axis. */
export interface SplitTraffic {
  /** All-reduces of activations among the ranks that share a layer. */
  tensor: number;
  /** Activations to the next stage and their gradients to the one before, of a stage in the middle. */
  stages: number;
  /** The all-reduce of gradients; as much with a distributed optimizer, which gathers weights instead. */
  data: number;
  total: number;
}

/** The bytes that a split sends, at 16 bits (Narayanan et al. 2021, section 3; rings, in which each rank sends its share). */
export function splitTraffic(
  step: Pick<ClusterStep, "numLayers" | "hiddenSize" | "sequenceLength" | "parameters" | "batchSize" | "recompute">,
  { tensor, pipeline, data, virtualStages = 1 }: Split,
): SplitTraffic {
  const { numLayers, hiddenSize, sequenceLength, parameters, batchSize, recompute } = step;
  const tokens = (batchSize * sequenceLength) / data;
  const activations = tokens * (numLayers / pipeline) * tensorTrafficBytes({ hiddenSize, tensor, recompute });
  // Each rank sends its share of the layer's output, and as much of the gradient, for each of its stages.
  const stages = pipeline === 1 ? 0 : (virtualStages * 2 * 2 * tokens * hiddenSize) / tensor;
  const gradients = (((2 * (data - 1)) / data) * (2 * parameters)) / (tensor * pipeline);
  return { tensor: activations, stages, data: gradients, total: activations + stages + gradients };
}

/** Throws a RangeError for a split that leaves a remainder. */
function checkSplit(
  { numHeads, numLayers, batchSize, microBatchSize }: ClusterStep,
  { tensor, pipeline, data, virtualStages = 1 }: Split,
) {
  const divides: [axis: keyof Split, what: string, size: number, by: number][] = [
    ["tensor", "heads", numHeads, tensor],
    ["pipeline", "layers", numLayers, pipeline * virtualStages],
    ["data", "samples in micro-batches", batchSize, data * microBatchSize * (virtualStages > 1 ? pipeline : 1)],
  ];
  for (const [axis, what, size, by] of divides) {
    if (size % by === 0) continue;
    throw new RangeError(`${axis}: ${size} ${what} do not divide by ${by}`);
  }
}

/** Bytes that a rank of a split layer sends for a token, at 16 bits: 8 h (t - 1) / t numbers, 12 with recomputation. */
export function tensorTrafficBytes({
  hiddenSize,
  tensor,
  recompute,
}: {
  hiddenSize: number;
  tensor: number;
  recompute: ClusterStep["recompute"];
}): number {
  return (2 * (recompute === "full" ? 12 : 8) * hiddenSize * (tensor - 1)) / tensor;
}
