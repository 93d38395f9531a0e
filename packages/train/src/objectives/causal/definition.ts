/** Causal language modeling: packed samples, blended; validation walks through the text once. */
import { blend, createCausalBatches, createCausalEvaluationBatches, createPackedSamples } from "@megatron-ts/data";
import { defineObjective } from "../definition.ts";
import { causalConfigSchema } from "./configuration.ts";
import { causalObjective } from "./loss.ts";

export const causal = defineObjective({
  schema: causalConfigSchema,
  description: "predict each token from those before it (GPT)",
  prediction: "causal",
  metric: "causal perplexity",
  objective: causalObjective,
  predictsWholeText: true,
  documentMasking: () => ["resetPositions", "resetAttention", "maskEndOfDocumentLoss"],
  trainingBatches(_config, { training, data, schedule, seed }) {
    const { sequenceLength } = data;
    const samples = blend(
      training.map(({ dataset, documents, weight }) => ({
        weight,
        source: createPackedSamples({ dataset, documents, sequenceLength, seed }),
      })),
    );
    return createCausalBatches({ ...data, samples, schedule, sequenceLength });
  },
  validationBatches: (_config, { dataset, documents, data: { sequenceLength }, batchSize, stride, contextToken }) =>
    createCausalEvaluationBatches({ dataset, documents, sequenceLength, batchSize, stride, contextToken }),
});
