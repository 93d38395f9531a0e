/** generation_config.json: the tokens that start and end generated text, as transformers has them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadedCheckpoint } from "@megatron-ts/checkpoint";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { hasFile, readText } from "../checkpoint-tokenizer.ts";
import { UsageError } from "../errors.ts";

export const GENERATION_CONFIG = "generation_config.json";

/** Token ids; missing ones are the tokenizer's. */
export interface GenerationTokens {
  stopTokens?: number[];
  /** First input token of an encoder-decoder's decoder. */
  startToken?: number;
}

const ID_FIELDS = ["bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"];

/**
 * The file of a Hugging Face model or, if it has none, one made of the ids in config.json; undefined if there are none.
 * Throws a UsageError for files that are not JSON objects.
 */
export function findGenerationConfig(directory: string): Uint8Array | undefined {
  const path = join(directory, GENERATION_CONFIG);
  if (existsSync(path)) {
    const bytes = new Uint8Array(readFileSync(path));
    parseGenerationTokens(Buffer.from(bytes).toString("utf8"), path);
    return bytes;
  }
  const config = join(directory, "config.json");
  if (!existsSync(config)) return undefined;
  const text = readFileSync(config, "utf8");
  parseGenerationTokens(text, config);
  // Null differs from nothing, for which transformers has defaults.
  const ids = Object.entries(parseObject(text, config)).filter(([key]) => ID_FIELDS.includes(key));
  if (ids.length === 0) return undefined;
  return new Uint8Array(Buffer.from(`${JSON.stringify(Object.fromEntries(ids), null, 2)}\n`));
}

/** Reads the ids in the text of a generation_config.json or config.json. Throws a UsageError for invalid ones. */
export function parseGenerationTokens(text: string, path: string): GenerationTokens {
  const { eos_token_id: eos, decoder_start_token_id: start } = parseObject(text, path);
  const idOf = (field: string, value: unknown): number => {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw new UsageError(`${path}: ${field}: expected a token id, got ${JSON.stringify(value)}`);
  };
  const present = (value: unknown) => value !== undefined && value !== null;
  return {
    ...(present(eos) && { stopTokens: [eos].flat().map((id) => idOf("eos_token_id", id)) }),
    ...(present(start) && { startToken: idOf("decoder_start_token_id", start) }),
  };
}

/**
 * The ids of a checkpoint for Hugging Face: those that it was imported with, else the tokenizer's. Empty for models that
 * only fill masks, whose special tokens their own files name.
 */
export async function exportedTokenIds(
  checkpoint: LoadedCheckpoint,
  tokenizer: Tokenizer | null,
): Promise<Record<string, unknown>> {
  if (hasFile(checkpoint, GENERATION_CONFIG)) {
    const all = parseObject(readText(checkpoint, GENERATION_CONFIG), GENERATION_CONFIG);
    return Object.fromEntries(Object.entries(all).filter(([key]) => ID_FIELDS.includes(key)));
  }
  const { familyOf } = await import("@megatron-ts/model");
  const { specialTokenId } = await import("@megatron-ts/tokenizer");
  const { prefixTokens } = await import("@megatron-ts/generate");
  const [prediction] = familyOf(checkpoint.manifest.model as { family: string }).generation.writes;
  if (!tokenizer || prediction === undefined) return {};
  const end = tokenizer.endOfText ?? null;
  const padding = specialTokenId(tokenizer, "padding") ?? null;
  if (prediction !== "sequence-to-sequence") {
    return { bos_token_id: prefixTokens(tokenizer).at(-1) ?? end, eos_token_id: end, pad_token_id: padding };
  }
  return {
    eos_token_id: end ?? specialTokenId(tokenizer, "separator") ?? null,
    pad_token_id: padding,
    decoder_start_token_id: padding,
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
