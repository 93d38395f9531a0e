/**
 * What each rank of a run holds and what it sends in a step, by formulas: nothing is allocated. Traffic of a tensor axis is that of the four
 * all-reduces of a layer (Shoeybi et al. 2019, section 3) and of embedding and head; numbers such as losses are left out.
 */
import {
  createModel,
  describeModel,
  layersOfStacks,
  type ModelConfig,
  readsSource,
  stagesOfRank,
} from "@megatron-ts/model";
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
import { partsOf } from "../objectives/configuration.ts";
import { resolveObjective } from "../objectives/open-objective.ts";
import { getObjective } from "../objectives/registry.ts";
import { stagesOf } from "../run/stages.ts";
import { isForMuon } from "../step/muon.ts";
import { standInBatch } from "./stand-in-batch.ts";
import { standInTokenizer } from "./stand-in-tokenizer.ts";

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
  /**
   * The first of its layers and the number behind its last, for each of its stages: an encoder's layers come before the decoder's.
   */
  layers: readonly { first: number; end: number }[];
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
  configuration: PretrainConfig,
  config: ModelConfig,
  { rank, place }: Pick<RankShare, "rank" | "place">,
): RankShare {
  const { parallel, train, data, engine } = configuration;
  const at = (axis: Axis): Communicator => ({ ...singleRank, size: parallel[axis], rank: place[axis] });
  const stages = stagesOf(config, parallel);
  /** The weights of a rank of the pipeline, at this place of the other axes. */
  const weightsOf = (rank: number) => {
    const pipeline = { ...at("pipeline"), rank };
    const { virtualStages } = parallel;
    const axes = { tensor: at("tensor"), context: at("context"), data: at("data"), pipeline, virtualStages };
    const mesh: Mesh = { ...singleRankMesh, ...axes };
    return createModel(config, { mesh, weights: { source: shapeOnly }, stages }).parameters;
  };
  const own = [...weightsOf(place.pipeline).values()].map(({ name, kind, shape, placement }) => ({
    ...{ name, kind, placement },
    size: product(shape),
  }));
  const tied = Array.from({ length: parallel.pipeline }, (_, other) => other).flatMap((other) => {
    const names = other === place.pipeline ? null : weightsOf(other);
    return own.filter(({ name }) => names?.has(name)).map(({ size }) => 4 * size + SHAPED_HEADER_BYTES);
  });
  const held = own.reduce((sum, { size }) => sum + size, 0);
  const replicas = parallel.data * parallel.context;
  const state = own.reduce((sum, parameter) => {
    return sum + (train.optimizer.name === "muon" && isForMuon(parameter) ? 4 : 8) * parameter.size;
  }, 0);
  const numLayers = stages.reduce((sum, count) => sum + count, 0);
  const layers = stagesOfRank(stages, { rank: place.pipeline, size: parallel.pipeline, numLayers });
  const headCount = config.numHeads / parallel.tensor;

  const width = engine.precision === "bf16" ? 2 : 4;
  const rows = rowsOf(configuration, config);
  const bytesOf = (rows: number) => rows * describeModel(config).hiddenSize * width;
  const [source, target] = [bytesOf(rows.source), bytesOf(rows.target)];
  const numEncoderLayers = rows.source > 0 ? layersOfStacks(config)[0]! : 0;
  const carriesEmbedding = "embeddingShortcut" in config && config.embeddingShortcut;
  /** What goes over the boundary behind a number of layers, with its gradient. */
  const passed = (end: number): number[] =>
    end <= numEncoderLayers
      ? [source]
      : [target, ...(numEncoderLayers > 0 ? [source] : []), ...(carriesEmbedding ? [target] : [])];
  const boundaries = layers.flatMap(({ first, end, isFirst, isLast }) => [
    ...(isFirst ? [] : passed(first)),
    ...(isLast ? [] : passed(end)),
  ]);
  const microBatches = train.batchSize / parallel.data / train.microBatchSize;
  const [isFirst, isLast] = [place.pipeline === 0, place.pipeline === parallel.pipeline - 1];
  const ofLayers = describeModel(config).layers.map(
    ({ numLayers, attention: { window, causal, numKeyValueHeads, ...shape } }) => {
      const heads = (numKeyValueHeads ?? shape.numHeads) / parallel.tensor;
      // Layouts of blocks count as if every token saw all, or all before it.
      const all = Number.POSITIVE_INFINITY;
      const reach = { before: window?.before ?? all, after: causal ? 0 : (window?.after ?? all) };
      const passed = rowsPassed(at("context"), { ...reach, rows: data.sequenceLength / parallel.context });
      return (numLayers / config.numLayers) * 2 * 4 * heads * shape.headSize * passed;
    },
  );
  const keysAndValues = ofLayers.reduce((sum, bytes) => sum + bytes, 0) * train.microBatchSize;
  /** A decoder behind an encoder attends to it too, by keys and values of its states. */
  const inLayer = (layer: number) =>
    layer < numEncoderLayers ? 4 * source : numEncoderLayers > 0 ? 6 * target + 2 * source : 4 * target;
  const ownLayers = layers.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
  const begins = layers.some(({ first, end }) => first <= numEncoderLayers && end > numEncoderLayers);
  const inTensorAxis =
    ownLayers.reduce((sum, layer) => sum + inLayer(layer), 0) +
    (isFirst ? (numEncoderLayers > 0 ? source : target) : 0) +
    (numEncoderLayers > 0 && begins ? target : 0) +
    (isLast ? target : 0);
  const isGathered = (parameter: (typeof own)[number]) =>
    train.optimizer.name === "muon" && isForMuon(parameter) && parameter.placement?.axis === "tensor";
  const gathered = own.filter(isGathered).reduce((sum, { size }) => sum + 3 * 4 * size, 0);
  const traffic: RankTraffic[] = [
    { what: "gradients, to the ranks with the same weights", bytes: reduced(4 * held, replicas) },
    {
      what: "activations, along the tensor axis",
      bytes: microBatches * reduced(inTensorAxis, parallel.tensor),
    },
    {
      what: "matrices with their gradients and momenta, along the tensor axis",
      bytes: ((parallel.tensor - 1) * gathered) / (parallel.distributedOptimizer ? replicas : 1),
    },
    {
      what: "keys and values and their gradients, along the context axis",
      bytes: microBatches * ownLayers.length * keysAndValues,
    },
    {
      what: "states and their gradients, to the stages before and after",
      bytes: microBatches * boundaries.reduce((sum, bytes) => sum + bytes + SHAPED_HEADER_BYTES, 0),
    },
    {
      what: "gradients of weights that stages have in common",
      bytes: tied.reduce((sum, bytes) => sum + bytes, 0),
    },
  ];
  return {
    ...{ rank, place, parameters: held, weights: 4 * held, gradients: 4 * held },
    layers: layers.map(({ first, end }) => ({ first, end })),
    heads: { first: place.tensor * headCount, end: (place.tensor + 1) * headCount },
    optimizer: Math.ceil(state / (parallel.distributedOptimizer ? replicas : 1)),
    sends: traffic.filter(({ bytes }) => bytes > 0).map(({ what, bytes }) => ({ what, bytes: Math.round(bytes) })),
  };
}

/** Rows of states in a micro-batch: what an encoder reads for its decoder, and the rest, a query stream included. */
function rowsOf(configuration: PretrainConfig, model: ModelConfig): { source: number; target: number } {
  const { train, data, parallel } = configuration;
  const { microBatchSize } = train;
  const all = { source: 0, target: (microBatchSize * data.sequenceLength) / parallel.context };
  const plain = partsOf(resolveObjective(train.objective, model)).every(({ name }) =>
    ["causal", "masked"].includes(getObjective(name).prediction),
  );
  if (!readsSource(model) && plain) return all;
  const changed = {
    ...configuration,
    train: { ...train, batchSize: microBatchSize },
    parallel: { ...parallel, data: 1, distributedOptimizer: false },
  };
  const tokenizer = standInTokenizer(model.vocabularySize);
  const { objective, batch } = standInBatch(changed, { model, tokenizer });
  const counts = objective.workload(batch).map(({ samples, lengths }) => ({
    source: samples * (lengths.sourceLength ?? 0),
    target: samples * (lengths.sequenceLength + (lengths.queryStreamLength ?? 0)),
  }));
  return {
    source: counts.reduce((sum, { source }) => sum + source, 0),
    target: counts.reduce((sum, { target }) => sum + target, 0),
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
