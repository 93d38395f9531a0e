/** Runs of causal language modelling: packed samples, blended; evaluation walks through the text once. */
import {
  blend,
  type CausalBatch,
  createCausalBatches,
  createCausalEvaluationBatches,
  createPackedSamples,
} from "@megatron-ts/data";
import type { LanguageModel } from "@megatron-ts/model";
import type { RunObjective } from "../definition.ts";
import { causalObjective } from "./loss.ts";

export const causalRun: RunObjective<"causal", CausalBatch, LanguageModel> = {
  families: ["gpt"],
  measure: "causal perplexity",
  objective: causalObjective,
  training(_config, { training, data, schedule, seed }) {
    const { sequenceLength } = data;
    const samples = blend(
      training.map(({ dataset, documents, weight }) => ({
        weight,
        source: createPackedSamples({ dataset, documents, sequenceLength, seed }),
      })),
    );
    return createCausalBatches({ ...data, samples, schedule, sequenceLength });
  },
  heldOut: (_config, { dataset, documents, data: { sequenceLength }, batchSize, stride, contextToken }) =>
    createCausalEvaluationBatches({ dataset, documents, sequenceLength, batchSize, stride, contextToken }),
};
