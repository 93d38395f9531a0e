/** Runs of causal language modelling: packed samples, blended; evaluation walks through the text once. */
import {
  blend,
  type CausalBatch,
  createCausalBatches,
  createEvaluationBatches,
  createGptSamples,
} from "@megatron-ts/data";
import type { LanguageModel } from "@megatron-ts/model";
import { causalObjective } from "../step/causal-objective.ts";
import type { RunObjective } from "./run-objective.ts";

export const causalRun: RunObjective<"causal", CausalBatch, LanguageModel> = {
  families: ["gpt"],
  objective: causalObjective as RunObjective<"causal", CausalBatch, LanguageModel>["objective"],
  open(_config, { datasets, data, schedule, seed, evaluation }) {
    const { sequenceLength } = data;
    const source = blend(
      datasets.training.map(({ dataset, documents, weight }) => ({
        weight,
        source: createGptSamples({ dataset, documents, sequenceLength, seed }),
      })),
    );
    return {
      training: createCausalBatches({ ...data, source, schedule, sequenceLength }),
      validation:
        datasets.validation &&
        createEvaluationBatches({ ...datasets.validation, sequenceLength, batchSize: evaluation.batchSize }),
    };
  },
};
