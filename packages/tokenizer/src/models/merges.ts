/**
 * The merges of a BPE vocabulary, in ids.
 */
import { TokenizerError } from "../errors.ts";
import { shown } from "../json/part-fields.ts";

/** Tokens `left` and `right` become the token `merged`. */
export interface Merge {
  left: number;
  right: number;
  merged: number;
}

/**
 * Merges of pairs of tokens, in order of rank, as ids. `prefix` is removed from the right side of each.
 *
 * @throws {TokenizerError} if a merge needs a token that is not in the vocabulary.
 */
export function mergesById(
  pairs: readonly (readonly [string, string])[],
  vocabulary: ReadonlyMap<string, number>,
  prefix: string,
): Merge[] {
  const idOf = (token: string, rank: number): number => {
    const id = vocabulary.get(token);
    if (id === undefined) {
      throw new TokenizerError(
        `merge ${rank + 1} of the tokenizer needs the token ${shown(token)}, which is not in its vocabulary`,
      );
    }
    return id;
  };
  return pairs.map(([left, right], rank) => ({
    left: idOf(left, rank),
    right: idOf(right, rank),
    merged: idOf(left + right.slice(prefix.length), rank),
  }));
}
