// The names of ids, from the model's vocabulary and the added tokens: what every tokenizer can say without encoding.

import { type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

export interface Vocabulary {
  idOf: ReadonlyMap<string, number>;
  /** Tokens by id, with holes where an id has none. */
  tokens: readonly (string | undefined)[];
  special: ReadonlyMap<string, number>;
  endOfText: number | undefined;
}

/** Names of the token that ends a document, in the order in which they are looked for. */
const ENDS = ["<|endoftext|>", "<|end_of_text|>", "<eod>", "</s>", "<eos>"];

/** `endOfText` names the token, where something better than the usual names is known. */
export function readVocabulary(json: TokenizerJson, endOfText?: string): Vocabulary {
  const idOf = new Map(vocabularyOf(json.model));
  const special = new Map<string, number>();
  for (const { content, id, special: isSpecial } of json.added_tokens ?? []) {
    idOf.set(content, id);
    if (isSpecial) special.set(content, id);
  }
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of idOf) tokens[id] = token;
  // Array.from fills the holes, which would make an array slow.
  const end = [endOfText, ...ENDS].find((token) => token !== undefined && special.has(token));
  return { idOf, tokens: Array.from(tokens), special, endOfText: end === undefined ? undefined : special.get(end) };
}
