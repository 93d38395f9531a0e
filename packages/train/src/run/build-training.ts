/** Builds what a run trains, from its seed or a checkpoint: the model, its optimizer and the average of its weights. */
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";
import { createModel, type Model, type ModelConfig } from "@megatron-ts/model";
import type { Mesh } from "@megatron-ts/parallel";
import type { ParallelConfig, TrainConfig } from "../configuration/train-configuration.ts";
import { createAdamW } from "../step/adamw.ts";
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
}

export function buildTraining(
  config: ModelConfig,
  { train, step, checkpoint, init, mesh, parallel }: Sources,
): {
  model: Model;
  optimizer: Optimizer;
  shards: Shards | null;
  tied: TiedWeights | null;
  average: WeightAverage | null;
} {
  const trained = checkpoint && trainedWeights(checkpoint);
  const source = trained?.source ?? startingWeights(config, { checkpoint: init, seed: train.seed });
  const model: Model = createModel(config, {
    mesh,
    weights: { source },
    stages: parallel && stagesOf(config, parallel),
  });
  const isWhole = train.optimizer.name === "muon" ? isForMuon : () => false;
  const { data, pipeline } = model.mesh;
  const tied = pipeline.size > 1 ? findTiedWeights(model.parameters, pipeline) : null;
  const shards =
    parallel?.distributedOptimizer && data.size > 1 ? createShards(model.parameters, { axis: data, isWhole }) : null;
  const { parameters } = shards ?? model;
  const saved = checkpoint ? loadOptimizerState(checkpoint) : undefined;
  const start = { step, load: saved && shards ? shards.loader(saved) : saved };
  const optimizer =
    train.optimizer.name === "muon"
      ? createMuon(parameters, train.optimizer, start)
      : createAdamW(parameters, train.optimizer, start);
  const load = trained?.average ?? undefined;
  const average = train.weightAverage && createWeightAverage(model.parameters, { ...train.weightAverage, load });
  return { model, optimizer, shards, tied, average };
}
