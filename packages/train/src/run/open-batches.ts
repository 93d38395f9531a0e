/** Opens the objective of a run, and the batches that it trains and validates on. */
import type { BatchSchedule } from "@megatron-ts/data";
import { type ModelConfig, readsSource } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import type { ObjectiveConfig } from "../objectives/configuration.ts";
import { openObjective } from "../objectives/open-objective.ts";
import type { RunDatasets } from "./datasets.ts";

/** A configuration with its objective resolved. */
type ResolvedConfig = PretrainConfig & { train: { objective: ObjectiveConfig } };

interface Run {
  resolved: ResolvedConfig;
  config: ModelConfig;
  tokenizer: Tokenizer;
  batchSchedule: BatchSchedule;
}

export function openBatches(
  { training, validation }: RunDatasets,
  { resolved, config, tokenizer, batchSchedule }: Run,
) {
  const { data, train } = resolved;
  const { objective, metric, trainingBatches, validationBatches } = openObjective(train.objective);
  const context = { data, tokenizer, readsSource: readsSource(config), seed: train.seed };
  const { batchSize } = train;
  const evaluation = { batchSize, samples: batchSize * (train.evaluation?.batches ?? 0) };
  return {
    objective,
    metric,
    batches: {
      training: trainingBatches({ ...context, training, schedule: batchSchedule }),
      validation: validation && validationBatches({ ...context, ...validation, ...evaluation }),
    },
  };
}
