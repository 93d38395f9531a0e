/**
 * The tokens and ids of a tokenizer, from its model and its added tokens.
 */
import type { MatchedToken } from "./added-vocabulary.ts";
import { type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

/** All tokens of a tokenizer. */
export interface Vocabulary {
  idOf: ReadonlyMap<string, number>;
  /** Tokens by id; undefined for ids without one. */
  tokens: readonly (string | undefined)[];
  /** What the decoder gets for each id: tokens, or the normalized content of added tokens that match normalized text. */
  decoded: readonly (string | undefined)[];
  /** Special tokens and their ids. */
  special: ReadonlyMap<string, number>;
  /** The id of the token that ends a document. */
  endOfText: number | undefined;
}

/** Usual names of the token that ends a document, in order of preference. */
const ENDS = ["<|endoftext|>", "<|end_of_text|>", "<eod>", "</s>", "<eos>"];

/** Reads the vocabulary. `endOfText` is the token that ends a document, if known. */
export function readVocabulary(
  json: TokenizerJson,
  addedTokens: readonly MatchedToken[],
  endOfText?: string,
): Vocabulary {
  const idOf = new Map(vocabularyOf(json.model));
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of idOf) tokens[id] = token;
  const special = new Map<string, number>();
  for (const { content, id, special: isSpecial } of addedTokens) {
    idOf.set(content, id);
    tokens[id] = content;
    if (isSpecial) special.set(content, id);
  }
  // Array.from fills the holes: an array with holes is slow.
  const filled = Array.from(tokens);
  const decoded = [...filled];
  for (const { id, pattern } of addedTokens) decoded[id] = pattern;
  const end = [endOfText, ...ENDS].find((token) => token !== undefined && special.has(token));
  return { idOf, tokens: filled, decoded, special, endOfText: end === undefined ? undefined : special.get(end) };
}
