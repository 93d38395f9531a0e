/** The tokenizer of a fine-tuning recipe. */
import type { FinetuneConfig } from "@megatron-ts/tasks";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { UsageError } from "./errors.ts";

/** The recipe's tokenizer, that of the checkpoint it starts from, or one of the text that a self-pretraining reads. */
export async function finetuneTokenizer(configuration: FinetuneConfig): Promise<Tokenizer> {
  const { model, data, selfPretrain } = configuration;
  const { from } = model;
  if (data.tokenizer !== undefined) {
    const { loadTokenizer } = await import("@megatron-ts/tokenizer/files");
    return loadTokenizer(data.tokenizer);
  }
  if (from === undefined && selfPretrain) {
    const { selfPretrainTokenizer } = await import("@megatron-ts/tasks");
    return selfPretrainTokenizer({ ...configuration, selfPretrain });
  }
  if (from === undefined) {
    throw new UsageError("data.tokenizer: expected a tokenizer for a model without model.from and selfPretrain");
  }
  const { openModelCheckpoint } = await import("@megatron-ts/checkpoint");
  const { loadCheckpointTokenizer } = await import("@megatron-ts/tasks");
  const checkpoint = openModelCheckpoint(from);
  const tokenizer = await loadCheckpointTokenizer(checkpoint).finally(() => checkpoint.close());
  if (!tokenizer) throw new UsageError(`${from}: no tokenizer in this checkpoint: name one with data.tokenizer`);
  return tokenizer;
}
