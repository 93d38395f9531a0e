// Byte-pair encoding of any vocabulary: a word is spelt in characters, those that are no tokens in bytes or as unknown,
// and then merged. What byte-level vocabularies need is in byte-level.ts, and faster.

import { TokenizerError } from "../errors.ts";
import { type BpeModel, mergesOf } from "../json/tokenizer-json.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import type { WordEncoder } from "../tokenizer.ts";
import { byteToken } from "./unigram-model.ts";
import { createMergeTable, createWordMerger, preferWholeWords, type WordSpeller } from "./word-merger.ts";

/** The token `merged` of the tokens `left` and `right`. */
export interface Merge {
  left: number;
  right: number;
  merged: number;
}

/** The merges of a model by rank, in ids. */
export function mergesById(model: BpeModel, vocabulary: ReadonlyMap<string, number>): Merge[] {
  const prefix = model.continuing_subword_prefix ?? "";
  const idOf = (token: string, rank: number): number => {
    const id = vocabulary.get(token);
    if (id === undefined) {
      throw new TokenizerError(`merge ${rank + 1} of the tokenizer needs "${token}", which its vocabulary lacks`);
    }
    return id;
  };
  return mergesOf(model).map(([left, right], rank) => ({
    left: idOf(left, rank),
    right: idOf(right, rank),
    merged: idOf(left + right.slice(prefix.length), rank),
  }));
}

function createSpeller(model: BpeModel, vocabulary: ReadonlyMap<string, number>): WordSpeller {
  const prefix = model.continuing_subword_prefix ?? "";
  const suffix = model.end_of_word_suffix ?? "";
  const unknown = model.unk_token ? vocabulary.get(model.unk_token) : undefined;
  const byteIds = Array.from({ length: 256 }, (_, byte) => vocabulary.get(byteToken(byte)));
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  return (bytes, start, end, ids) => {
    let count = 0;
    // An unknown character is written when a known one follows: until then more may be fused with it.
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

/** Merging at random, which some models were trained with, is left out. */
export function createBpeModel(model: BpeModel): WordEncoder {
  const encoder = new TextEncoder();
  const vocabulary = new Map(Object.entries(model.vocab));
  const merge = createWordMerger(createMergeTable(mergesById(model, vocabulary)), createSpeller(model, vocabulary));
  return model.ignore_merges ? preferWholeWords(vocabulary, (token) => encoder.encode(token), merge) : merge;
}
