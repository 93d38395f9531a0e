/**
 * Byte-pair encoding of raw bytes, for vocabularies in the byte-level alphabet that have all 256 bytes.
 */
import { bytesOfToken, byteToCharacter } from "../text/byte-alphabet.ts";
import type { BpeOptions } from "./bpe-options.ts";
import type { WordEncoder } from "./model.ts";
import { createMergeTable, createWordMerger, preferWholeWords } from "./word-merger.ts";

/** Creates a byte-level BPE model. */
export function createByteLevelBpeModel({ vocabulary, merges, ignoreMerges }: BpeOptions): WordEncoder {
  const byteIds = Int32Array.from(byteToCharacter, (character) => vocabulary.get(character)!);
  const merge = createWordMerger(createMergeTable(merges), (bytes, start, end, ids) => {
    for (let index = start; index < end; index++) ids[index - start] = byteIds[bytes[index]!]!;
    return end - start;
  });
  return ignoreMerges ? preferWholeWords(vocabulary, bytesOfToken, merge) : merge;
}
