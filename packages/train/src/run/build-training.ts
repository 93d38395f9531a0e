/** Builds what a run trains, from its seed or a checkpoint: the model, its optimizer and the average of its weights. */
import { checkpointSource, type LoadedCheckpoint, type TensorReader } from "@megatron-ts/checkpoint";
import { createModel, type Model, type ModelConfig } from "@megatron-ts/model";
import { type Precision, store } from "@megatron-ts/ops";
import {
  type AdapterConfig,
  type Mesh,
  type ParameterSource,
  type Parameters,
  trainedParameters,
} from "@megatron-ts/parallel";
import type { ParallelConfig, TrainConfig } from "../configuration/train-configuration.ts";
import { createAdamW } from "../step/adamw.ts";
import { layerRates } from "../step/layer-rates.ts";
import { createMuon, isForMuon } from "../step/muon.ts";
import type { Optimizer } from "../step/optimizer.ts";
import { createShards, type Shards } from "../step/shards.ts";
import { findTiedWeights, type TiedWeights } from "../step/tied-weights.ts";
import { createWeightAverage, type WeightAverage } from "../step/weight-average.ts";
import { stagesOf } from "./stages.ts";
import { startingWeights } from "./starting-weights.ts";
import { loadOptimizerState, trainedWeights } from "./training-checkpoint.ts";

interface Sources {
  train: TrainConfig;
  /** Updates done before. */
  step: number;
  /** The checkpoint to resume from. */
  checkpoint: LoadedCheckpoint | null;
  /** The checkpoint of the recipe's `model.from`. */
  init: LoadedCheckpoint | null;
  mesh?: Mesh;
  parallel?: ParallelConfig;
  /** Initial weights in place of those from the seed or `init`. */
  weights?: ParameterSource;
  trained?: TrainedPart;
  precision?: Precision;
}

/** What of a model is trained, and how fast. */
export interface TrainedPart {
  /** Low-rank adapters, with which only they and the head of the task are trained. Default: none. */
  adapter?: AdapterConfig | null;
  /** Where the adapters start, and a head with them. Default: as their initializers say. */
  start?: TensorReader;
  /** Names of weights, or their beginnings, that stay as they are. Default: none. */
  frozen?: readonly string[];
  /** The factor of the rate from a layer to the one below it. Default: 1. */
  layerDecay?: number;
}

export function buildTraining(
  config: ModelConfig,
  {
    train,
    step,
    checkpoint,
    init,
    mesh,
    parallel,
    weights,
    trained: { adapter = null, start: adapterStart, frozen, layerDecay = 1 } = {},
    precision,
  }: Sources,
): {
  model: Model;
  optimizer: Optimizer;
  shards: Shards | null;
  tied: TiedWeights | null;
  average: WeightAverage | null;
} {
  const saved = checkpoint && trainedWeights(checkpoint);
  const source =
    weights ??
    startingSource(config, { saved: saved?.source ?? null, init, checkpoint, start: adapterStart, seed: train.seed });
  const stages = parallel && stagesOf(config, parallel);
  const model: Model = createModel(config, { mesh, weights: { source }, stages, adapter, frozen });
  if (adapter && precision === "bf16") storeFrozen(model.parameters);
  const all = trainedParameters(model.parameters);
  const isWhole = train.optimizer.name === "muon" ? isForMuon : () => false;
  const { replicas, pipeline } = model.mesh;
  const tied = pipeline.size > 1 ? findTiedWeights(all, pipeline) : null;
  const shards =
    parallel?.distributedOptimizer && replicas.size > 1 ? createShards(all, { axis: replicas, isWhole }) : null;
  const parameters = shards?.parameters ?? all;
  const state = checkpoint ? loadOptimizerState(checkpoint) : undefined;
  const rateFactor = layerDecay === 1 ? undefined : layerRates(model.parameters, layerDecay);
  const start = { step, load: state && shards ? shards.loader(state) : state, rateFactor };
  const optimizer =
    train.optimizer.name === "muon"
      ? createMuon(parameters, train.optimizer, { ...start, mesh: model.mesh })
      : createAdamW(parameters, train.optimizer, start);
  const load = saved?.average ?? undefined;
  const average = train.weightAverage && createWeightAverage(all, { ...train.weightAverage, load });
  return { model, optimizer, shards, tied, average };
}

/** Those of a checkpoint, except weights of an adapter's base, which it has not. */
function startingSource(
  config: ModelConfig,
  {
    saved,
    init,
    checkpoint,
    start,
    seed,
  }: { saved: ParameterSource | null; start?: TensorReader; seed: number } & Pick<Sources, "init" | "checkpoint">,
): ParameterSource {
  if (saved && !init) return saved;
  const initial = startingFrom(start, startingWeights(config, { checkpoint: init, seed }));
  const own = new Set(checkpoint?.weights.names);
  return (declaration) => (saved && own.has(declaration.name) ? saved : initial)(declaration);
}

/** The weights of an adapter to train further, and others from elsewhere. */
function startingFrom(start: TensorReader | undefined, others: ParameterSource): ParameterSource {
  if (!start) return others;
  const [source, own] = [checkpointSource(start), new Set(start.names)];
  return (declaration) => (own.has(declaration.name) ? source : others)(declaration);
}

/** Keeps the matrices that are not trained as products read them, in half the memory. */
function storeFrozen(parameters: Parameters): void {
  for (const { tensor, frozen, kind } of parameters.values()) {
    if (frozen && kind !== "scalar" && tensor.rank === 2) store(tensor, "bf16");
  }
}
