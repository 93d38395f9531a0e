/**
 * WordLevel: every word is a token of its own, or unknown.
 */
import { TokenizerError } from "../errors.ts";
import { append } from "../token-buffer.ts";
import type { WordEncoder } from "./model.ts";
import { createWordTable } from "./word-table.ts";

/**
 * Creates a WordLevel model. The encoder throws a TokenizerError for unknown words if there is no `unknown` id.
 */
export function createWordLevelModel(
  vocabulary: ReadonlyMap<string, number>,
  unknown: number | undefined,
): WordEncoder {
  const encoder = new TextEncoder();
  const words = createWordTable(vocabulary.size);
  const ids: number[] = [];
  for (const [token, id] of vocabulary) {
    const bytes = encoder.encode(token);
    ids[words.add(bytes, 0, bytes.length)] = id;
  }
  return (bytes, start, end, buffer) => {
    const word = words.find(bytes, start, end);
    const id = word < 0 ? unknown : ids[word];
    if (id === undefined) {
      throw new TokenizerError(
        "the text has a word that is not in the vocabulary, and the tokenizer has no unknown token",
      );
    }
    append(buffer, [id]);
  };
}
