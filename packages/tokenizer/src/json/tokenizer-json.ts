// The `tokenizer.json` of Hugging Face's tokenizers, as data: its types, reading with one clear error, and writing in
// the very form (order, spacing) in which the reference writes it.

import { TokenizerError } from "../errors.ts";

/** A token that is found in the text before anything else is done to it. */
export interface AddedToken {
  id: number;
  content: string;
  /** Matches only where no word character stands beside it. */
  single_word: boolean;
  /** Takes the white space on its left (right) with it. */
  lstrip: boolean;
  rstrip: boolean;
  /** Matches the normalized text instead of the original. */
  normalized: boolean;
  /** Left out of decoded text on request. */
  special: boolean;
}

/** Normalizers, pre-tokenizers, post-processors and decoders: a `type` and its own fields. */
export interface TokenizerPart {
  type: string;
  [field: string]: unknown;
}

export interface BpeModel extends TokenizerPart {
  type: "BPE";
  dropout?: number | null;
  unk_token?: string | null;
  continuing_subword_prefix?: string | null;
  end_of_word_suffix?: string | null;
  fuse_unk?: boolean;
  byte_fallback?: boolean;
  ignore_merges?: boolean;
  vocab: Record<string, number>;
  /** `["a", "b"]`, or `"a b"` in files from before 2024. */
  merges: readonly (readonly [string, string])[] | readonly string[];
}

export interface TokenizerJson {
  version?: string;
  truncation?: unknown;
  padding?: unknown;
  added_tokens?: AddedToken[];
  normalizer?: TokenizerPart | null;
  pre_tokenizer?: TokenizerPart | null;
  post_processor?: TokenizerPart | null;
  decoder?: TokenizerPart | null;
  model: TokenizerPart;
}

/** The vocabulary of any model as [token, id] pairs, by id. */
export function vocabularyOf(model: TokenizerPart): [string, number][] {
  if (Array.isArray(model.vocab)) return model.vocab.map(([token]: [string, number], id) => [token, id]);
  return Object.entries(model.vocab as Record<string, number>).sort((left, right) => left[1] - right[1]);
}

/** Merges as pairs, whichever of the two forms the file has. */
export function mergesOf(model: BpeModel): (readonly [string, string])[] {
  return model.merges.map((merge, index) => {
    const sides = typeof merge === "string" ? merge.split(" ") : merge;
    if (sides.length !== 2) throw new TokenizerError(`merge ${index + 1} of the tokenizer is not a pair: "${merge}"`);
    return sides as [string, string];
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Checks what a caller read elsewhere. `name` says in errors where it came from. */
export function checkTokenizerJson(value: unknown, name = "tokenizer.json"): TokenizerJson {
  const model = isObject(value) ? value.model : undefined;
  if (!isObject(model)) {
    throw new TokenizerError(
      `${name} is not a tokenizer: expected an object with a "model", as Hugging Face writes it`,
    );
  }
  // Files from before 2020 do not name the type of the model.
  const type = model.type ?? (Array.isArray(model.merges) ? "BPE" : Array.isArray(model.vocab) ? "Unigram" : undefined);
  if (typeof type !== "string") throw new TokenizerError(`${name} does not name the type of its model`);
  if (typeof model.vocab !== "object" || model.vocab === null) {
    throw new TokenizerError(`${name}: its ${type} model has no vocabulary`);
  }
  return { ...(value as object), model: { ...model, type } } as TokenizerJson;
}

/** Parses the text of a tokenizer.json. */
export function parseTokenizerJson(text: string, name = "tokenizer.json"): TokenizerJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(`${name} is not valid JSON: ${(error as Error).message}`);
  }
  return checkTokenizerJson(value, name);
}

const indented = (value: unknown, indent: string): string =>
  JSON.stringify(value, null, 2).replaceAll("\n", `\n${indent}`);

/** The text of a tokenizer.json. A vocabulary comes by id: an object of JavaScript would put tokens like "10" first. */
export function formatTokenizerJson(json: TokenizerJson): string {
  const { model, ...parts } = json;
  const { vocab, merges, ...options } = model;
  const fields = Object.entries(options).map(([name, value]) => `    "${name}": ${indented(value, "    ")}`);
  const entries = Array.isArray(vocab)
    ? vocab.map((entry) => `      ${indented(entry, "      ")}`)
    : vocabularyOf(model).map(([token, id]) => `      ${JSON.stringify(token)}: ${id}`);
  const [open, close] = Array.isArray(vocab) ? ["[", "]"] : ["{", "}"];
  fields.push(`    "vocab": ${entries.length > 0 ? `${open}\n${entries.join(",\n")}\n    ${close}` : open + close}`);
  if (merges !== undefined) fields.push(`    "merges": ${indented(merges, "    ")}`);
  const head = Object.entries(parts).map(([name, value]) => `  "${name}": ${indented(value, "  ")}`);
  return `{\n${[...head, `  "model": {\n${fields.join(",\n")}\n  }`].join(",\n")}\n}`;
}
