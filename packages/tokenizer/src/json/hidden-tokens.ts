/**
 * Finds the special tokens that a model could produce from text, because they are in its vocabulary: a Unigram model's `<s>`,
 * or a WordLevel model's `[UNK]`. They are hidden from the model where text must stay text.
 */
import { type BpeModel, mergesOf, type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

/**
 * The special tokens to hide from the model of a checked tokenizer.json so that no text produces them. Tokens of one
 * character are left out: without them, that character could not be spelled.
 */
export function hiddenTokens({ model, added_tokens = [] }: TokenizerJson): ReadonlySet<string> {
  const special = new Set(added_tokens.filter((token) => token.special).map(({ content }) => content));
  const known = vocabularyOf(model)
    .map(([token]) => token)
    .filter((token) => special.has(token) && [...token].length > 1);
  if (model.type !== "BPE" || model.ignore_merges === true || known.length === 0) return new Set(known);
  const prefix = typeof model.continuing_subword_prefix === "string" ? model.continuing_subword_prefix : "";
  const merged = new Set(mergesOf(model as BpeModel).map(([left, right]) => left + right.slice(prefix.length)));
  return new Set(known.filter((token) => merged.has(token)));
}
