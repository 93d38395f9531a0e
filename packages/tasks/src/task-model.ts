/** The configuration of the model that a recipe fine-tunes: with the task's head, and where a decoder begins. */
import { openModelCheckpoint } from "@megatron-ts/checkpoint";
import {
  familyOf,
  type ModelConfig,
  modelConfigSchema,
  readGenerationIds,
  type TaskHeadConfig,
} from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { completeModel } from "@megatron-ts/train";
import type { FinetuneConfig } from "./configuration.ts";
import { classifiesWithDecoder, textTokensOf } from "./text/text-pair.ts";

/** The model with the task's head, or as it is. */
export function taskModel(
  { model: { from, ...own } }: FinetuneConfig,
  { head, tokenizer }: { head: TaskHeadConfig | null; tokenizer: Tokenizer },
): ModelConfig {
  // That of a checkpoint is right even where its tokenizer has more tokens.
  const config = from === undefined ? completeModel(own, tokenizer) : modelConfigSchema.parse(own);
  if (!head) return config;
  const { withTask } = familyOf(config);
  const startToken = classifiesWithDecoder(config) ? startTokenOf(config, { from, tokenizer }) : undefined;
  return modelConfigSchema.parse(withTask(config, { ...head, ...(startToken !== undefined && { startToken }) }));
}

const GENERATION_CONFIG = "generation_config.json";

/** What the decoder of the checkpoint begins with, or one that starts with the tokenizer's padding. */
function startTokenOf(
  config: ModelConfig,
  { from, tokenizer }: { from: string | undefined; tokenizer: Tokenizer },
): number {
  if ("task" in config && config.task && "startToken" in config.task && config.task.startToken !== undefined) {
    return config.task.startToken;
  }
  return savedStartToken(from) ?? textTokensOf(tokenizer, "sequence-to-sequence").start;
}

function savedStartToken(from: string | undefined): number | undefined {
  if (from === undefined) return undefined;
  const checkpoint = openModelCheckpoint(from);
  try {
    if (!checkpoint.manifest.files.some(({ name }) => name === GENERATION_CONFIG)) return undefined;
    const json: unknown = JSON.parse(Buffer.from(checkpoint.readFile(GENERATION_CONFIG)).toString("utf8"));
    const source = `${checkpoint.directory}/${GENERATION_CONFIG}`;
    return typeof json === "object" && json !== null
      ? readGenerationIds({ ...json }, { source }).startToken
      : undefined;
  } finally {
    checkpoint.close();
  }
}
