/**
 * The merges of a BPE vocabulary, in ids.
 */
import { TokenizerError } from "../errors.ts";
import { type BpeModel, mergesOf } from "../json/tokenizer-json.ts";

/** Tokens `left` and `right` become the token `merged`. */
export interface Merge {
  left: number;
  right: number;
  merged: number;
}

/**
 * The merges of a model in order of rank.
 *
 * @throws {TokenizerError} if a merge needs a token that is not in the vocabulary.
 */
export function mergesById(model: BpeModel, vocabulary: ReadonlyMap<string, number>): Merge[] {
  const prefix = model.continuing_subword_prefix ?? "";
  const idOf = (token: string, rank: number): number => {
    const id = vocabulary.get(token);
    if (id === undefined) {
      throw new TokenizerError(
        `merge ${rank + 1} of the tokenizer needs the token "${token}", which is not in its vocabulary`,
      );
    }
    return id;
  };
  return mergesOf(model).map(([left, right], rank) => ({
    left: idOf(left, rank),
    right: idOf(right, rank),
    merged: idOf(left + right.slice(prefix.length), rank),
  }));
}
