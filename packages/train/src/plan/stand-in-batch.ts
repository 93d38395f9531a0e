/** The objective of a configuration, and a global batch of text that is on no disk. */
import { createBatchSchedule } from "@megatron-ts/data";
import { type ModelConfig, readsSource } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { ConfigError } from "../errors.ts";
import { partsOf } from "../objectives/configuration.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { openObjective, resolveObjective } from "../objectives/open-objective.ts";
import { checkTrainedParts } from "../objectives/trained-parts.ts";
import { standInDocuments } from "./stand-in-documents.ts";

/** Throws a ConfigError for an objective that the tokenizer or the model does not go with. */
export function standInBatch(
  { train, data }: PretrainConfig,
  { model, tokenizer }: { model: ModelConfig; tokenizer: Tokenizer },
): { objective: Objective<MicroBatch>; batch: MicroBatch } {
  const resolved = resolveObjective(train.objective, model);
  const untrained = checkTrainedParts(model, resolved);
  if (untrained.length > 0) throw new ConfigError(untrained);
  const { objective, trainingBatches } = openObjective(resolved);
  const pairs = partsOf(resolved).some(({ name }) => name === "source-target");
  const { sequenceLength } = data;
  // A sample of sentence pairs holds several sentences, however short it is.
  const sentence = Math.max(1, Math.min(32, Math.floor(sequenceLength / 4)));
  const dataset = standInDocuments(tokenizer, {
    ...(pairs ? { sequenceLength, sequencesPerDocument: 2 } : { sequenceLength: sentence, sequencesPerDocument: 16 }),
    tokens: 4 * train.batchSize * (sequenceLength + 1),
  });
  const batch = trainingBatches({
    data,
    tokenizer,
    readsSource: readsSource(model),
    seed: train.seed,
    training: [{ dataset, documents: dataset.documentsOf("all"), weight: 1 }],
    schedule: createBatchSchedule({ batchSize: train.batchSize }),
  }).at(0);
  return { objective, batch };
}
