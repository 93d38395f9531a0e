import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeySet } from "./key-set.ts";
import { wordHashes } from "./words.ts";

const same = (a: string, b: string) => expect([...wordHashes(a)]).toEqual([...wordHashes(b)]);

describe("the words of a text", () => {
  it("are equal regardless of case, punctuation, spacing and Unicode form", () => {
    same("Hello,  World!\n", "hello world");
    same("naïve CAFÉ", "nai\u0308ve (cafe\u0301)");
    same("ﬁve ①", "five 1");
    same("don't", "DON’T");
    same("", " \t-- ... 😀 ");
    expect(wordHashes("one two three one")).toHaveLength(4);
    const [one, two, three, again] = wordHashes("one two three one");
    expect(again).toBe(one);
    expect(new Set([one, two, three]).size).toBe(3);
  });

  it("are characters in scripts without spaces, and whole words in other scripts outside the basic plane", () => {
    expect(wordHashes("私は東京です。")).toHaveLength(6);
    expect(wordHashes("สวัสดี")).toHaveLength([..."สวัสดี"].length);
    expect(wordHashes("한국어 단어")).toHaveLength(2);
    expect(wordHashes("𞤀𞤣𞤤𞤢𞤥 𞤆𞤵𞤤𞤢𞤪")).toHaveLength(2);
    expect(wordHashes("𠀀𠀁")).toHaveLength(2);
    same("𐐀𐐁", "𐐨𐐩");
  });
});

describe("a key set", () => {
  it("contains the added keys and no others", () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 2, 0xffffffff), fc.integer({ min: 2, max: 0xffffffff }));
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 50 }), fc.array(fc.tuple(word, word)), (keys, others) => {
        const set = createKeySet(2);
        const expected = new Set<string>();
        // A first word of 0 is stored as 1, which does not matter for hashes.
        const name = ([first, second]: readonly [number, number]) => `${first || 1} ${second}`;
        for (const key of keys) {
          expect(set.add(Uint32Array.from(key))).toBe(!expected.has(name(key)));
          expected.add(name(key));
        }
        expect(set.size).toBe(expected.size);
        for (const key of [...keys, ...others]) expect(set.has(Uint32Array.from(key))).toBe(expected.has(name(key)));
      }),
      { numRuns: 100 },
    );
  });

  it("grows", () => {
    const set = createKeySet(1);
    const count = 100_000;
    for (let i = 1; i <= count; i++) set.add(Uint32Array.of(Math.imul(i, 0x9e3779b1)));
    expect(set.size).toBe(count);
    for (let i = 1; i <= count; i++) expect(set.add(Uint32Array.of(Math.imul(i, 0x9e3779b1)))).toBe(false);
    expect(set.has(Uint32Array.of(Math.imul(count + 1, 0x9e3779b1)))).toBe(false);
  });
});
