/** What a run must know of an objective: its loss, and the batches that it trains and evaluates on. */
import type { BatchSchedule, DataConfig } from "@megatron-ts/data";
import type { Model, ModelConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { Objective, Rows } from "../step/objective.ts";
import type { RunDatasets } from "./datasets.ts";
import type { Batches } from "./evaluate.ts";
import type { ObjectiveConfig, ObjectiveConfigOf } from "./objective-configuration.ts";

export interface BatchContext {
  datasets: RunDatasets;
  data: DataConfig;
  schedule: BatchSchedule;
  tokenizer: Tokenizer;
  /** Of the model: what its batches must hold. */
  family: ModelConfig["family"];
  seed: number;
  /** Rows of an evaluation batch, and how many of them there are at the most. */
  evaluation: { batchSize: number; batches: number };
}

export interface RunBatches<Batch extends Rows> {
  /** The global batch of a step. */
  training: { at(step: number): Batch };
  /** Null where the run does not evaluate. */
  validation: Batches<Batch> | null;
}

/** One row of the table of objectives. */
export interface RunObjective<Name extends ObjectiveConfig["name"], Batch extends Rows, Trained extends Model> {
  /** The families of models that can be trained for it. */
  families: readonly ModelConfig["family"][];
  objective: Objective<Batch, Trained>;
  open(config: ObjectiveConfigOf<Name>, context: BatchContext): RunBatches<Batch>;
}
