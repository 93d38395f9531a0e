/** A made-up vocabulary and texts in it, for the tests of objectives. */
import type { ObjectiveVocabulary } from "../objectives/vocabulary.ts";

/** 1,000 ids: 0 to 4 are special tokens; of the others, every third continues the word before it. */
export const vocabulary: ObjectiveVocabulary = {
  size: 1000,
  special: Uint8Array.from({ length: 1000 }, (_, id) => (id < 5 ? 1 : 0)),
  continues: Uint8Array.from({ length: 1000 }, (_, id) => (id >= 5 && id % 3 === 0 ? 1 : 0)),
};
/** Ids of the vocabulary, different for each salt. */
export function text(length: number, salt = 0): Int32Array {
  // A loop, because tests ask for a hundred thousand of them.
  const ids = new Int32Array(length);
  for (let i = 0; i < length; i++) ids[i] = 5 + ((i * 7919 + salt * 31 + ((i * i) % 13)) % 995);
  return ids;
}
