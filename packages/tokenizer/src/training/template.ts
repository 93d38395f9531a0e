/**
 * Builds the post-processor that adds special tokens around texts from a template like "[CLS] $A [SEP]".
 */
import { TokenizerError } from "../errors.ts";
import type { TokenizerPart } from "../json/tokenizer-json.ts";

/**
 * The special tokens around a text (`$A`) and around a pair of texts (`$A` and `$B`), separated by blanks. `:1` after an
 * item is its token type (default 0): `{ single: "[CLS] $A [SEP]", pair: "[CLS] $A [SEP] $B:1 [SEP]:1" }`.
 */
export interface TokenTemplate {
  single: string;
  pair: string;
}

type TemplateItem = Record<"SpecialToken" | "Sequence", { id: string; type_id: number }>;

function parseItems(template: string): Partial<TemplateItem>[] {
  return template.split(" ").map((text) => {
    const [, name = "", type = "0"] = /^(.+?)(?::(\d+))?$/.exec(text) ?? [];
    const isText = name === "$A" || name === "$B";
    const item = { id: isText ? name.slice(1) : name, type_id: Number(type) };
    return isText ? { Sequence: item } : { SpecialToken: item };
  });
}

/**
 * The TemplateProcessing part of tokenizer.json. Special tokens have the ids from 0, in order.
 *
 * @throws {TokenizerError} if the template uses a token that is not among the special tokens.
 */
export function templateProcessing(template: TokenTemplate, specialTokens: readonly string[]): TokenizerPart {
  const [single, pair] = [parseItems(template.single), parseItems(template.pair)];
  const names = [...single, ...pair].flatMap(({ SpecialToken }) => SpecialToken?.id ?? []);
  requireSpecialTokens(specialTokens, names);
  const entries = names.map((id) => [id, { id, ids: [specialTokens.indexOf(id)], tokens: [id] }]);
  return { type: "TemplateProcessing", single, pair, special_tokens: Object.fromEntries(entries) };
}

/** @throws {TokenizerError} if one of the names is not a special token. */
export function requireSpecialTokens(specialTokens: readonly string[], names: readonly string[]): void {
  const missing = names.find((name) => !specialTokens.includes(name));
  if (missing !== undefined) throw new TokenizerError(`specialTokens must include ${missing}`);
}
