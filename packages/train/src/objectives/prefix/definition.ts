/** Prefix language modeling: packed samples, blended, with a prefix of random length in each; validation draws its own. */
import { createBatchSchedule, createPackedSamples, createPrefixBatches } from "@megatron-ts/data";
import { defineObjective, firstSamples } from "../definition.ts";
import { packedTrainingSamples } from "../packed-samples.ts";
import { prefixConfigSchema } from "./configuration.ts";
import { prefixObjective } from "./loss.ts";

export const prefix = defineObjective({
  schema: prefixConfigSchema,
  description: "read the beginning of a text in both directions and predict the rest (T5's prefix LM, UniLM)",
  prediction: "causal",
  metric: "prefix perplexity",
  objective: prefixObjective,
  predictsWholeText: false,
  seesAhead: true,
  documentMasking: () => ["resetPositions", "resetAttention", "maskEndOfDocumentLoss"],
  trainingBatches(_config, context) {
    const { data, schedule, seed } = context;
    return createPrefixBatches({ ...data, samples: packedTrainingSamples(context), schedule, seed });
  },
  validationBatches(_config, context) {
    const { dataset, documents, data, batchSize, seed } = context;
    const { sequenceLength } = data;
    const samples = createPackedSamples({ dataset, documents, sequenceLength, seed });
    const schedule = createBatchSchedule({ batchSize });
    // Another seed: no prefix is one that training has seen.
    const batches = createPrefixBatches({ ...data, samples, schedule, sequenceLength, seed: seed + 1 });
    return firstSamples(batches, prefixObjective, context);
  },
});
