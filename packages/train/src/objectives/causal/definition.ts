/** Causal language modeling: packed samples, blended; validation walks through the text once. */
import { createCausalBatches, createCausalEvaluationBatches } from "@megatron-ts/data";
import { defineObjective } from "../definition.ts";
import { packedTrainingSamples } from "../packed-samples.ts";
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
  trainingBatches: (_config, context) =>
    createCausalBatches({ ...context.data, samples: packedTrainingSamples(context), schedule: context.schedule }),
  validationBatches: (_config, { dataset, documents, data: { sequenceLength }, batchSize, stride, contextToken }) =>
    createCausalEvaluationBatches({ dataset, documents, sequenceLength, batchSize, stride, contextToken }),
});
