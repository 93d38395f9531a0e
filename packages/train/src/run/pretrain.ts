/**
 * Pretrains a model from a configuration to the last checkpoint: opens data, model and logs, and resumes from checkpoints.
 * Prints nothing and starts no engine; it emits events.
 */

import type { ModelConfig } from "@megatron-ts/model";
import { singleRankMesh } from "@megatron-ts/parallel";
import { completeModel, type PretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import type { EnergyUse } from "../energy/energy-meter.ts";
import { ConfigError } from "../errors.ts";
import { type ObjectiveConfig, partsOf } from "../objectives/configuration.ts";
import { objectivesFor, resolveObjective } from "../objectives/open-objective.ts";
import { checkTrainedParts, untrainedPairHead } from "../objectives/trained-parts.ts";
import { checkMemory } from "./check-memory.ts";
import { checkMesh } from "./check-mesh.ts";
import { openDatasets } from "./datasets.ts";
import { openBatches } from "./open-batches.ts";
import { stagesOf } from "./stages.ts";
import { type RunOptions, trainRun } from "./train-run.ts";
import type { FinishReason } from "./training-run.ts";

/** Options of `pretrain`. */
export interface PretrainOptions extends RunOptions {
  /** Leaves a head for pairs as it is where the objective has no pairs. By default, such a model is refused. */
  keepsPairHead?: boolean;
}

/**
 * Trains until the last step, the time limit or a stop. The engine must be started. Throws a ConfigError, DataError or
 * CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function pretrain(
  configuration: PretrainConfig,
  options: PretrainOptions,
): Promise<{ reason: FinishReason; step: number; energy: EnergyUse }> {
  const { train } = configuration;
  const { tokenizer, mesh = singleRankMesh, keepsPairHead = false } = options;
  checkMesh({ mesh, parallel: configuration.parallel });
  const model = completeModel(configuration.model, tokenizer);
  checkMemory(model, { mesh, stages: stagesOf(model, configuration.parallel) });
  const objective = resolveObjective(train.objective, model);
  const untrained = checkTrainedParts(model, objective, { keepsPairHead });
  if (untrained.length > 0) throw new ConfigError(untrained);
  const { from } = configuration.model;
  const resolved = { ...configuration, model: { ...model, ...(from && { from }) }, train: { ...train, objective } };
  const datasets = await openDatasets(configuration.data, { evaluates: train.evaluation !== null, tokenizer });
  try {
    return await trainRun(
      {
        configuration: resolved,
        complete: withDefaults,
        config: model,
        from,
        teaches: { longest: resolved.data.sequenceLength, unfit: (teacher) => cannotTeach(teacher, objective) },
        ...(keepsPairHead && { trained: { frozen: untrainedPairHead(model, objective) } }),
        fingerprints: datasets.fingerprints,
        open: (batchSchedule) => openBatches(datasets, { resolved, config: model, tokenizer, batchSchedule }),
      },
      options,
    );
  } finally {
    datasets.close();
  }
}

/** Why a model's losses of an objective cannot be computed, in words; null if they can. */
function cannotTeach(teacher: ModelConfig, objective: ObjectiveConfig): string | null {
  const possible = objectivesFor(teacher);
  const other = partsOf(objective).find(({ name }) => !possible.includes(name));
  return other ? `a model of the family ${teacher.family} has no logits of the objective ${other.name}` : null;
}

/** A saved recipe with the defaults of fields that its version lacked; as it is if this version cannot read it. */
function withDefaults(saved: { model?: { from?: string } }): object {
  // The checkpoint that a run started from may be gone, and its model is in the recipe.
  const { from, ...model } = saved.model ?? {};
  const read = pretrainConfigSchema.safeParse({ ...saved, model });
  return read.success ? { ...read.data, model: { ...read.data.model, ...(from && { from }) } } : saved;
}
