/**
 * Byte-level BPE: round trips in every language, agreement with the reference on random texts, streaming, buffers.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { awkwardText, declarations, nativeTokenizer, readFixture, wellFormed } from "../testing/texts.ts";
import { createTokenBuffer } from "../token-buffer.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { parseTokenizerJson } from "./parse-tokenizer-json.ts";

const json = parseTokenizerJson(readFixture("small.json"));
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await createTokenizer(json);
});

describe("a byte-level tokenizer", () => {
  it("restores the Universal Declaration of Human Rights in every language", () => {
    const texts = declarations();
    expect(texts.length).toBeGreaterThan(400);
    for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it("restores any text, with U+FFFD for each lone surrogate", () => {
    fc.assert(
      fc.property(awkwardText(), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(wellFormed(text));
      }),
      { numRuns: 2000, seed: 3 },
    );
    expect(tokenizer.decode(tokenizer.encode("a\ud83dz\ude00\ufeff"))).toBe("a\ufffdz\ufffd\ufeff");
  });

  it("agrees with the reference on random texts (if it has a binary)", async (context) => {
    const native = nativeTokenizer(json);
    if (!native) return context.skip("no binary of tokenizers for this platform");
    const texts = [
      ...fc.sample(awkwardText(), { numRuns: 800, seed: 4 }),
      ...fc.sample(awkwardText(400), { numRuns: 60, seed: 5 }),
    ];
    for (const text of texts) {
      const theirs = (await native.encode(wellFormed(text), null, { addSpecialTokens: true })).getIds();
      const ours = [...tokenizer.encode(text)];
      expect(ours, JSON.stringify(text)).toEqual(theirs);
      // Shuffled ids, whose bytes are not valid UTF-8.
      const shuffled = ours.map((id, index) => (id * 31 + index) % tokenizer.vocabularySize);
      for (const skipSpecialTokens of [false, true]) {
        expect(tokenizer.decode(shuffled, { skipSpecialTokens })).toBe(
          await native.decode(shuffled, skipSpecialTokens),
        );
      }
    }
  });

  it("merges long words like short ones: lowest rank first, leftmost among equals", async () => {
    const alphabet = Object.fromEntries(Object.entries(json.model.vocab as object).filter(([, id]) => id <= 256));
    const vocab = { ...alphabet, aa: 257, ab: 258, aaab: 259, ba: 260 };
    const merges = [
      ["a", "a"],
      ["a", "b"],
      ["aa", "ab"],
      ["b", "a"],
    ];
    const toy = await createTokenizer({ ...json, model: { ...json.model, vocab, merges } });
    const [a, b] = [toy.tokenToId("a")!, toy.tokenToId("b")!];
    expect([...toy.encode("aaab")]).toEqual([259]);
    expect([...toy.encode("aaaab")]).toEqual([257, 257, b]);
    expect([...toy.encode("baba")]).toEqual([b, 258, a]);
    expect([...toy.encode("aaaab".repeat(20))]).toEqual(Array(20).fill([257, 257, b]).flat());
    expect([...toy.encode(`${"a".repeat(201)}b`)]).toEqual([...Array(99).fill(257), 259]);
  });

  it("caches words correctly, however many there are", () => {
    const words = Array.from({ length: 80_000 }, (_, index) => `w${index.toString(36)}`);
    const before = words.slice(0, 50).map((word) => tokenizer.encode(word));
    tokenizer.encode(words.join(" "));
    expect(words.slice(0, 50).map((word) => tokenizer.encode(word))).toEqual(before);
    expect(tokenizer.decode(tokenizer.encode(words.join(" ")))).toBe(words.join(" "));
  });

  it("appends the same ids to a buffer that encode returns", () => {
    const buffer = createTokenBuffer(1);
    const texts = ["Hello, world!", "", "x".repeat(5000), "<|endoftext|>"];
    const counts = texts.map((text) => tokenizer.encodeInto(text, buffer));
    const expected = texts.map((text) => tokenizer.encode(text));
    expect(counts).toEqual(expected.map((ids) => ids.length));
    expect([...buffer.ids.subarray(0, buffer.length)]).toEqual(expected.flatMap((ids) => [...ids]));
  });

  it("returns ids that later calls do not change", () => {
    const first = tokenizer.encode("Hello");
    const copy = [...first];
    tokenizer.encode("something else entirely");
    expect([...first]).toEqual(copy);
  });

  it("streams whole characters", () => {
    fc.assert(
      fc.property(awkwardText(30), fc.boolean(), (text, skipSpecialTokens) => {
        const decoder = tokenizer.createDecoder({ skipSpecialTokens });
        const ids = tokenizer.encode(text);
        const parts = [...ids].map((id) => decoder.push(id));
        expect(parts.join("") + decoder.flush()).toBe(tokenizer.decode(ids, { skipSpecialTokens }));
      }),
      { numRuns: 500, seed: 6 },
    );
    const decoder = tokenizer.createDecoder();
    const parts = [...tokenizer.encode("é👍")].map((id) => decoder.push(id));
    expect(parts).toEqual(["é", "", "", "", "👍"]);
    decoder.push(tokenizer.encode("👍")[0]!);
    expect(decoder.flush()).toBe("\ufffd");
  });

  it("knows its tokens", () => {
    expect(tokenizer.vocabularySize).toBe(700);
    expect(tokenizer.endOfText).toBe(0);
    expect([...tokenizer.specialTokens]).toEqual([["<|endoftext|>", 0]]);
    expect(tokenizer.tokenToId("Ġthe")).toBe(268);
    expect(tokenizer.idToToken(268)).toBe("Ġthe");
    expect(tokenizer.tokenToId("no such token")).toBeUndefined();
    expect(tokenizer.tokenToId("constructor")).toBeUndefined();
    expect(tokenizer.idToToken(700)).toBeUndefined();
    expect(tokenizer.decode([268, 700, -1, 268])).toBe(" the the");
  });
});
