/**
 * What each rank of a run holds and what it sends in a step, by formulas: nothing is allocated. Traffic of a tensor axis is that of the four
 * all-reduces of a layer (Shoeybi et al. 2019, section 3) and of embedding and head; numbers such as losses are left out.
 */
import { createModel, describeModel, type ModelConfig } from "@megatron-ts/model";
import {
  type Axis,
  type Communicator,
  type Mesh,
  type Reach,
  rowsInReach,
  SHAPED_HEADER_BYTES,
  shapeOnly,
  singleRank,
  singleRankMesh,
} from "@megatron-ts/parallel";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { stagesOf } from "../run/stages.ts";
import { isForMuon } from "../step/muon.ts";

/** Bytes that a rank sends to others in a step. */
interface RankTraffic {
  /** What they are, in words. */
  what: string;
  bytes: number;
}

/** The share of one rank. */
export interface RankShare {
  rank: number;
  place: Readonly<Record<Axis, number>>;
  /** The first of its layers and the number behind its last. */
  layers: { first: number; end: number };
  /** The same of the attention heads of each layer. */
  heads: { first: number; end: number };
  parameters: number;
  /** Of weights, gradients and the optimizer's state, in bytes. */
  weights: number;
  gradients: number;
  optimizer: number;
  sends: RankTraffic[];
}

/** From the axis whose ranks are neighbours on, as `createMesh` lays them out. */
const AXES: readonly Axis[] = ["tensor", "context", "data", "pipeline"];

/** The shares of all ranks of a recipe, for a model that its checks have passed. */
export function describeRanks(configuration: PretrainConfig, config: ModelConfig): RankShare[] {
  const { parallel } = configuration;
  const count = AXES.reduce((product, axis) => product * parallel[axis], 1);
  return Array.from({ length: count }, (_, rank) => {
    const place = { tensor: 0, context: 0, data: 0, pipeline: 0 };
    AXES.reduce((rest, axis) => {
      place[axis] = rest % parallel[axis];
      return Math.floor(rest / parallel[axis]);
    }, rank);
    return describeRank(configuration, config, { rank, place });
  });
}

function describeRank(
  { parallel, train, data, engine }: PretrainConfig,
  config: ModelConfig,
  { rank, place }: Pick<RankShare, "rank" | "place">,
): RankShare {
  const at = (axis: Axis): Communicator => ({ ...singleRank, size: parallel[axis], rank: place[axis] });
  const stages = stagesOf(config, parallel);
  /** The weights of a stage, on this rank of the other axes. */
  const weightsOf = (stage: number) => {
    const pipeline = { ...at("pipeline"), rank: stage };
    const mesh: Mesh = { ...singleRankMesh, tensor: at("tensor"), context: at("context"), data: at("data"), pipeline };
    return createModel(config, { mesh, weights: { source: shapeOnly }, stages }).parameters;
  };
  const own = [...weightsOf(place.pipeline).values()].map(({ name, kind, shape }) => ({
    ...{ name, kind },
    size: product(shape),
  }));
  const tied = stages.flatMap((_, stage) => {
    const names = stage === place.pipeline ? null : weightsOf(stage);
    return own.filter(({ name }) => names?.has(name)).map(({ size }) => 4 * size + SHAPED_HEADER_BYTES);
  });
  const held = own.reduce((sum, { size }) => sum + size, 0);
  const replicas = parallel.data * parallel.context;
  const state = own.reduce((sum, parameter) => {
    return sum + (train.optimizer.name === "muon" && isForMuon(parameter) ? 4 : 8) * parameter.size;
  }, 0);
  const first = stages.slice(0, place.pipeline).reduce((sum, layers) => sum + layers, 0);
  const layers = { first, end: first + stages[place.pipeline]! };
  const headCount = config.numHeads / parallel.tensor;

  const width = engine.precision === "bf16" ? 2 : 4;
  const rows = (train.microBatchSize * data.sequenceLength) / parallel.context;
  const states = rows * describeModel(config).hiddenSize * width;
  const microBatches = train.batchSize / parallel.data / train.microBatchSize;
  const [isFirst, isLast] = [place.pipeline === 0, place.pipeline === parallel.pipeline - 1];
  const ofLayers = describeModel(config).layers.map(
    ({ numLayers, attention: { window, numKeyValueHeads, ...shape } }) => {
      const heads = (numKeyValueHeads ?? shape.numHeads) / parallel.tensor;
      // Layouts of blocks count as if every token saw all before it.
      const reach = { before: window?.before ?? Number.POSITIVE_INFINITY, after: 0 };
      const passed = rowsPassed(at("context"), { ...reach, rows: data.sequenceLength / parallel.context });
      return (numLayers / config.numLayers) * 2 * 4 * heads * shape.headSize * passed;
    },
  );
  const keysAndValues = ofLayers.reduce((sum, bytes) => sum + bytes, 0) * train.microBatchSize;
  const inTensorAxis = 4 * (layers.end - layers.first) + (isFirst ? 1 : 0) + (isLast ? 1 : 0);
  const neighbours = (isFirst ? 0 : 1) + (isLast ? 0 : 1);
  const traffic: RankTraffic[] = [
    { what: "gradients, to the ranks with the same weights", bytes: reduced(4 * held, replicas) },
    {
      what: "activations, along the tensor axis",
      bytes: microBatches * inTensorAxis * reduced(states, parallel.tensor),
    },
    {
      what: "keys and values and their gradients, along the context axis",
      bytes: microBatches * (layers.end - layers.first) * keysAndValues,
    },
    {
      what: "states and their gradients, to the stages before and after",
      bytes: microBatches * neighbours * (states + SHAPED_HEADER_BYTES),
    },
    {
      what: "gradients of weights that stages have in common",
      bytes: tied.reduce((sum, bytes) => sum + bytes, 0),
    },
  ];
  return {
    ...{ rank, place, layers, parameters: held, weights: 4 * held, gradients: 4 * held },
    heads: { first: place.tensor * headCount, end: (place.tensor + 1) * headCount },
    optimizer: Math.ceil(state / (parallel.distributedOptimizer ? replicas : 1)),
    sends: traffic.filter(({ bytes }) => bytes > 0).map(({ what, bytes }) => ({ what, bytes: Math.round(bytes) })),
  };
}

/** Rows that a rank sends to those that look at them, and rows of others whose gradients it sends back. */
function rowsPassed({ rank, size }: Pick<Communicator, "rank" | "size">, reach: Reach & { rows: number }): number {
  /** The rows of rank `owner` that rank `reader` looks at. */
  const shared = (owner: number, reader: number) => {
    const { start, end } = rowsInReach({ rank: reader, size }, reach);
    return Math.max(0, Math.min(end, (owner + 1) * reach.rows) - Math.max(start, owner * reach.rows));
  };
  return Array.from({ length: size }, (_, other) =>
    other === rank ? 0 : shared(rank, other) + shared(other, rank),
  ).reduce((sum, rows) => sum + rows, 0);
}

/** Bytes that each of `ranks` sends to all-reduce `bytes`, or to reduce-scatter and all-gather them. */
const reduced = (bytes: number, ranks: number) => (2 * (ranks - 1) * bytes) / ranks;

const product = (shape: readonly number[]) => shape.reduce((all, length) => all * length, 1);
