/**
 * Byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) with any vocabulary: spells a word in
 * characters, unknown ones in bytes or as the unknown token, and merges them. Byte-level vocabularies have a faster path.
 */
import type { BpeModel } from "../json/tokenizer-json.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import { byteTokenIds } from "./byte-token.ts";
import { mergesById } from "./merges.ts";
import type { WordEncoder } from "./model.ts";
import { createMergeTable, createWordMerger, preferWholeWords, type WordSpeller } from "./word-merger.ts";

function createSpeller(model: BpeModel, vocabulary: ReadonlyMap<string, number>): WordSpeller {
  const prefix = model.continuing_subword_prefix ?? "";
  const suffix = model.end_of_word_suffix ?? "";
  const unknown = model.unk_token ? vocabulary.get(model.unk_token) : undefined;
  const byteIds = byteTokenIds(vocabulary);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  return (bytes, start, end, ids) => {
    let count = 0;
    // An unknown token is written once a known character follows: until then, more may be fused with it.
    let pending = false;
    const writePending = (): void => {
      if (pending) ids[count++] = unknown!;
      pending = false;
    };
    for (let position = start; position < end; ) {
      const next = position + lengthOfCharacter(bytes[position]!);
      const character = decoder.decode(bytes.subarray(position, next));
      const id = vocabulary.get((position > start ? prefix : "") + character + (next === end ? suffix : ""));
      const spelt = model.byte_fallback && id === undefined ? Array.from(bytes.subarray(position, next)) : [];
      const fallback = spelt.map((byte) => byteIds[byte]);
      if (id !== undefined) {
        writePending();
        ids[count++] = id;
      } else if (fallback.length > 0 && !fallback.includes(undefined)) {
        for (const byteId of fallback) ids[count++] = byteId!;
      } else if (unknown !== undefined) {
        if (!model.fuse_unk) writePending();
        pending = true;
      }
      position = next;
    }
    writePending();
    return count;
  };
}

/** Creates a BPE model. BPE dropout is not applied. */
export function createBpeModel(model: BpeModel): WordEncoder {
  const encoder = new TextEncoder();
  const vocabulary = new Map(Object.entries(model.vocab));
  const merge = createWordMerger(createMergeTable(mergesById(model, vocabulary)), createSpeller(model, vocabulary));
  return model.ignore_merges ? preferWholeWords(vocabulary, (token) => encoder.encode(token), merge) : merge;
}
