/**
 * The tokenizer.json of Hugging Face's tokenizers as data: its types, and formatting with the same field order and spacing
 * as the reference.
 */
import type { TokenizerPart } from "./part-fields.ts";

export type { TokenizerPart };

/** A token that is searched in the text before anything else is done. */
export interface AddedToken {
  id: number;
  content: string;
  /** Whether it only matches if there is no word character next to it. */
  single_word: boolean;
  /** Whether it absorbs the white space before it. */
  lstrip: boolean;
  /** Whether it absorbs the white space after it. */
  rstrip: boolean;
  /** Whether it matches normalized text instead of the original. */
  normalized: boolean;
  /** Whether decoding may skip it. */
  special: boolean;
}

/** The model of a BPE tokenizer. */
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
  /** Pairs like `["a", "b"]`, or strings like `"a b"` in files from before 2024. */
  merges: readonly (readonly [string, string])[] | readonly string[];
}

/** The contents of a tokenizer.json. */
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

/** The vocabulary of any model as [token, id] pairs in order of id. */
export function vocabularyOf(model: TokenizerPart): [string, number][] {
  if (Array.isArray(model.vocab)) return model.vocab.map(([token]: [string, number], id) => [token, id]);
  return Object.entries(model.vocab as Record<string, number>).sort((left, right) => left[1] - right[1]);
}

/** Merges as pairs, in whichever form they are given. */
export function mergesOf(model: BpeModel): (readonly [string, string])[] {
  return model.merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge) as [string, string]);
}

const indented = (value: unknown, indent: string): string =>
  JSON.stringify(value, null, 2).replaceAll("\n", `\n${indent}`);

/** Formats a tokenizer.json. Tokens are in order of id; JSON.stringify would put tokens like "10" first. */
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
