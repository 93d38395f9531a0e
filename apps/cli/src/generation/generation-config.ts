/** generation_config.json: the tokens that start and end generated text, as transformers has them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";
import type { GenerationIds } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { hasFile, readText } from "../checkpoint-files.ts";
import { UsageError } from "../errors.ts";
import { readSmallFile } from "../read-small-file.ts";

export const GENERATION_CONFIG = "generation_config.json";

/** A generation_config.json to import. */
export interface FoundGenerationConfig {
  bytes: Uint8Array;
  /** Throws a ModelError for ids that a model with this vocabulary cannot have. */
  check: (vocabularySize: number) => void;
}

/**
 * The file of a Hugging Face model or, if it has none, one made as transformers makes it of config.json; undefined if that
 * says nothing either. Throws a UsageError for files that are not JSON objects.
 */
export async function findGenerationConfig(directory: string): Promise<FoundGenerationConfig | undefined> {
  const { checkSpecialIds, generationConfigOf } = await import("@megatron-ts/model");
  const path = join(directory, GENERATION_CONFIG);
  if (existsSync(path)) {
    const bytes = new Uint8Array(readSmallFile(path));
    const json = parseObject(Buffer.from(bytes).toString("utf8"), path);
    return { bytes, check: (vocabularySize) => checkSpecialIds(json, { source: path, vocabularySize }) };
  }
  const config = join(directory, "config.json");
  if (!existsSync(config)) return undefined;
  const json = generationConfigOf(parseObject(readSmallFile(config).toString(), config));
  if (json === undefined) return undefined;
  const bytes = new Uint8Array(Buffer.from(`${JSON.stringify(json, null, 2)}\n`));
  return { bytes, check: (vocabularySize) => checkSpecialIds(json, { source: config, vocabularySize }) };
}

/** What a checkpoint's generation_config.json says. */
export interface GenerationSettings {
  /** Empty without the file: the tokenizer's count. */
  tokens: Partial<GenerationIds>;
  /** What it asks for besides, which only options of `generate` do. */
  others: string[];
}

/** Reads a checkpoint's generation_config.json. Throws a ModelError for invalid ids. */
export async function readGenerationSettings(
  checkpoint: LoadedCheckpoint,
  vocabularySize: number,
): Promise<GenerationSettings> {
  if (!hasFile(checkpoint, GENERATION_CONFIG)) return { tokens: {}, others: [] };
  const { otherGenerationFields, readGenerationIds } = await import("@megatron-ts/model");
  const source = join(checkpoint.directory, GENERATION_CONFIG);
  const json = parseObject(readText(checkpoint, GENERATION_CONFIG), source);
  return { tokens: readGenerationIds(json, { source, vocabularySize }), others: otherGenerationFields(json) };
}

/**
 * The ids of a checkpoint for Hugging Face: those that it was imported with, else the tokenizer's. Empty for models that
 * only fill masks, whose special tokens their own files name.
 */
export async function exportedTokenIds(
  checkpoint: LoadedCheckpoint,
  tokenizer: Tokenizer | null,
): Promise<Record<string, unknown>> {
  const { checkSpecialIds, familyOf, specialIdFields } = await import("@megatron-ts/model");
  if (hasFile(checkpoint, GENERATION_CONFIG)) {
    const source = join(checkpoint.directory, GENERATION_CONFIG);
    const all = parseObject(readText(checkpoint, GENERATION_CONFIG), source);
    checkSpecialIds(all, { source });
    return Object.fromEntries(Object.entries(all).filter(([key]) => specialIdFields.includes(key)));
  }
  const { specialTokenId } = await import("@megatron-ts/tokenizer");
  const { prefixTokens } = await import("@megatron-ts/generate");
  const { family, task } = checkpoint.manifest.model as { family: string; task?: { startToken?: number } };
  const [prediction] = familyOf({ family }).generation.writes;
  if (!tokenizer || prediction === undefined) return {};
  const end = tokenizer.endOfText ?? null;
  const padding = specialTokenId(tokenizer, "padding") ?? null;
  if (prediction !== "sequence-to-sequence") {
    return { bos_token_id: prefixTokens(tokenizer).at(-1) ?? end, eos_token_id: end, pad_token_id: padding };
  }
  return {
    eos_token_id: end ?? specialTokenId(tokenizer, "separator") ?? null,
    pad_token_id: padding,
    // A head says what its decoder begins with.
    decoder_start_token_id: task?.startToken ?? padding,
  };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${path}: not valid JSON`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`${path}: expected a JSON object`);
}
