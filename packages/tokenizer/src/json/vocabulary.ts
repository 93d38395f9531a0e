/**
 * The tokens and ids of a tokenizer, from its model and its added tokens.
 */
import { type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

/** All tokens of a tokenizer. */
export interface Vocabulary {
  idOf: ReadonlyMap<string, number>;
  /** Tokens by id; undefined for ids without one. */
  tokens: readonly (string | undefined)[];
  /** Special tokens and their ids. */
  special: ReadonlyMap<string, number>;
  /** The id of the token that ends a document. */
  endOfText: number | undefined;
}

/** Usual names of the token that ends a document, in order of preference. */
const ENDS = ["<|endoftext|>", "<|end_of_text|>", "<eod>", "</s>", "<eos>"];

/** Reads the vocabulary. `endOfText` is the token that ends a document, if known. */
export function readVocabulary(json: TokenizerJson, endOfText?: string): Vocabulary {
  const idOf = new Map(vocabularyOf(json.model));
  const special = new Map<string, number>();
  for (const { content, id, special: isSpecial } of json.added_tokens ?? []) {
    idOf.set(content, id);
    if (isSpecial) special.set(content, id);
  }
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of idOf) tokens[id] = token;
  // Array.from fills the holes: an array with holes is slow.
  const end = [endOfText, ...ENDS].find((token) => token !== undefined && special.has(token));
  return { idOf, tokens: Array.from(tokens), special, endOfText: end === undefined ? undefined : special.get(end) };
}
