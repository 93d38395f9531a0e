/**
 * Byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) with any vocabulary: spells a word in
 * characters, unknown ones in bytes or as the unknown token, and merges them. Byte-level vocabularies have a faster path.
 */
import { TokenizerError } from "../errors.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import type { BpeOptions } from "./bpe-options.ts";
import { byteTokenIds } from "./byte-token.ts";
import type { WordEncoder } from "./model.ts";
import { createMergeTable, createWordMerger, preferWholeWords, type WordSpeller } from "./word-merger.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function createSpeller(options: BpeOptions): WordSpeller {
  const { vocabulary, prefix, suffix, unknownToken, unknown, fuseUnknown, byteFallback } = options;
  const byteIds = byteTokenIds(vocabulary);
  const unknownId = (): number => {
    if (unknown !== undefined) return unknown;
    throw new TokenizerError(`the unknown token "${unknownToken}" is not in the vocabulary`);
  };
  const spellInBytes = (text: string): number[] | undefined => {
    const ids = Array.from(encoder.encode(text), (byte) => byteIds[byte]);
    return ids.includes(undefined) ? undefined : (ids as number[]);
  };

  return (bytes, start, end, ids) => {
    let count = 0;
    // An unknown token is written once a known character follows: until then, more may be fused with it.
    let pending: number | undefined;
    const writePending = (): void => {
      if (pending !== undefined) ids[count++] = pending;
      pending = undefined;
    };
    for (let position = start; position < end; ) {
      const next = position + lengthOfCharacter(bytes[position]!);
      const character = decoder.decode(bytes.subarray(position, next));
      const spelled = (position > start ? prefix : "") + character + (next === end ? suffix : "");
      const id = vocabulary.get(spelled);
      const fallback = id === undefined && byteFallback ? spellInBytes(spelled) : undefined;
      if (id !== undefined) {
        writePending();
        ids[count++] = id;
      } else if (fallback) {
        for (const byteId of fallback) ids[count++] = byteId;
      } else if (unknownToken !== undefined) {
        if (!fuseUnknown) writePending();
        pending ??= unknownId();
      }
      position = next;
    }
    writePending();
    return count;
  };
}

/**
 * Creates a BPE model. Its encoder throws a TokenizerError for unknown characters if the unknown token is not in the
 * vocabulary.
 */
export function createBpeModel(options: BpeOptions): WordEncoder {
  const { vocabulary, prefix, suffix, ignoreMerges } = options;
  // Bytes of the prefix and the suffix may be spelled too, once per character.
  const longest = 1 + encoder.encode(prefix + suffix).length;
  const spell = createSpeller(options);
  const merge = createWordMerger(createMergeTable(options.merges), spell, longest);
  return ignoreMerges ? preferWholeWords(vocabulary, (token) => encoder.encode(token), merge) : merge;
}
