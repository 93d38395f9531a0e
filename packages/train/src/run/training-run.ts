/** A training run in progress: what the loop advances and its listeners read. */
import type { BatchList, StepBatches } from "@megatron-ts/data";
import type { PerplexityResult } from "@megatron-ts/metrics";
import type { Model } from "@megatron-ts/model";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import type { ParallelConfig, TrainConfig } from "../configuration/train-configuration.ts";
import type { DistillConfig } from "../distillation/configuration.ts";
import type { EnergyConfig } from "../energy/configuration.ts";
import type { EnergyMeter } from "../energy/energy-meter.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import type { Schedule } from "../schedules/schedules.ts";
import type { LossAndGradients } from "../step/loss-and-gradients.ts";
import type { Optimizer } from "../step/optimizer.ts";
import type { Shards } from "../step/shards.ts";
import type { TeacherModel } from "../step/taught.ts";
import type { TiedWeights } from "../step/tied-weights.ts";
import type { WeightAverage } from "../step/weight-average.ts";
import type { RunEvent } from "./events.ts";
import type { StepResult } from "./step-result.ts";
import type { LoopState } from "./training-checkpoint.ts";

/** The sections of a recipe that every run has. */
export interface RunConfiguration extends Pick<PretrainConfig, "run" | "engine"> {
  train: TrainConfig;
  /** Default: one rank. */
  parallel?: ParallelConfig;
  /** Default: that of a recipe without the section. */
  energy?: EnergyConfig;
  /** The teacher that it learns from; none by default. */
  distill?: DistillConfig | null;
}

/** What a validation of a run's own finds. */
export interface Validation {
  result: PerplexityResult;
  /** Scores by name, such as accuracy. */
  scores: Readonly<Record<string, number>>;
  /** By this the best checkpoint is chosen: lower is better. */
  criterion: number;
}

/** A run as its listeners see it; only the loop changes it. */
export interface TrainingRun {
  readonly configuration: RunConfiguration;
  readonly model: Model;
  readonly optimizer: Optimizer;
  /** This rank's share of the update; null where every rank of the data axis updates all weights. */
  readonly shards: Shards | null;
  /** Weights that other stages have too; null without a pipeline. */
  readonly tied: TiedWeights | null;
  /** Of the weights; null in a run that does not average them. */
  readonly average: WeightAverage | null;
  readonly objective: Objective<MicroBatch>;
  /** Computes micro-batches, from captured runs where that is possible. */
  readonly compute: LossAndGradients;
  /** Whose logits the losses follow; null for none. */
  readonly teacher: TeacherModel | null;
  /** The name of exp(loss); null for a sum of several losses. */
  readonly metric: string | null;
  readonly batches: {
    /** The global batch of each step. */
    training: StepBatches<MicroBatch>;
    /** Null in a run that does not evaluate. */
    validation: BatchList<MicroBatch> | null;
  };
  /** Replaces the mean loss of the validation batches; null for that. */
  readonly validate: ((model: Model) => Promise<Validation>) | null;
  /** Evaluations without a better one after which the run ends; null if it does not. */
  readonly patience: number | null;
  readonly energy: EnergyMeter;
  /** Samples in the whole run. */
  readonly totalSamples: number;
  readonly stop: { readonly requested: string | null };
  state: LoopState;
  schedule: Schedule;
  /** The latest evaluation. */
  validation: { step: number; criterion: number } | null;
  emit(event: RunEvent): void;
}

/** Why a run ended. */
export type FinishReason = Extract<RunEvent, { type: "finished" }>["reason"];

/** Something that happens besides stepping: logs, validation, checkpoints. */
export interface RunListener {
  /** After each update of the weights. */
  onStep?(step: StepResult): void | Promise<void>;
  /** After the last step, before the run is finished. */
  onEnd?(reason: FinishReason): void | Promise<void>;
  /** For every event of the run. */
  onEvent?(event: RunEvent): void;
  /** Frees what it holds, whether or not the run succeeded. */
  close?(): void;
}

/** Seconds of training that a run may take; Infinity without a time limit. */
export function timeLimitSeconds({ configuration: { train } }: Pick<TrainingRun, "configuration">): number {
  return train.timeLimitMinutes === null ? Number.POSITIVE_INFINITY : 60 * train.timeLimitMinutes;
}
