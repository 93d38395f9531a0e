import { describe, expect, it } from "vitest";
import { createExactDuplicates } from "./exact-duplicates.ts";
import { estimateSimilarity, minHashSignature, SHINGLE_WORDS } from "./minhash.ts";
import { chooseBands, createNearDuplicates } from "./near-duplicates.ts";

let state = 1;
/** The same numbers every time. */
function below(bound: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
}

const randomWords = (count: number) => Array.from({ length: count }, () => `w${below(20_000)}`);

/** The words with `changes` of them replaced, which changes up to five times as many shingles. */
function changed(words: readonly string[], changes: number): string[] {
  const copy = [...words];
  for (let i = 0; i < changes; i++) copy[below(copy.length)] = `n${below(20_000)}`;
  return copy;
}

/** Jaccard similarity of two texts' shingles, by sets of strings. */
function similarity(first: readonly string[], second: readonly string[]): number {
  const shingles = (words: readonly string[]) =>
    new Set(
      Array.from({ length: words.length - SHINGLE_WORDS + 1 }, (_, i) => words.slice(i, i + SHINGLE_WORDS).join(" ")),
    );
  const [a, b] = [shingles(first), shingles(second)];
  const common = [...a].filter((shingle) => b.has(shingle)).length;
  return common / (a.size + b.size - common);
}

describe("exact duplicates", () => {
  it("are equal except for case, Unicode form and white space", () => {
    const { isDuplicate } = createExactDuplicates();
    expect(isDuplicate("Call me Ishmael.\nCafé.")).toBe(false);
    expect(isDuplicate("  CALL me\t Ishmael. cafe\u0301.")).toBe(true);
    expect(isDuplicate("Call me Ishmael! Café.")).toBe(false);
    expect(isDuplicate("Call me Ishmael!  Café.")).toBe(true);
  });
});

describe("MinHash signatures", () => {
  it("estimate the Jaccard similarity without bias and with the theoretical error", () => {
    const errors: number[] = [];
    const scaled: number[] = [];
    for (let trial = 0; trial < 400; trial++) {
      const words = randomWords(300);
      const other = changed(words, below(40));
      const truth = similarity(words, other);
      const estimate = estimateSimilarity(minHashSignature(words.join(" "))!, minHashSignature(other.join(" "))!);
      errors.push(estimate - truth);
      if (truth > 0.2 && truth < 0.95) scaled.push((estimate - truth) / Math.sqrt((truth * (1 - truth)) / 128));
    }
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const variance = scaled.reduce((sum, error) => sum + error ** 2, 0) / scaled.length;
    expect(scaled.length).toBeGreaterThan(200);
    expect(Math.abs(mean)).toBeLessThan(4 * (0.045 / Math.sqrt(errors.length)));
    expect(variance).toBeGreaterThan(0.7);
    expect(variance).toBeLessThan(1.35);
  });

  it("of unrelated texts agree only by chance, and the last bits of minima are uniform", () => {
    let sum = 0;
    const counts = new Float64Array(256);
    for (let trial = 0; trial < 300; trial++) {
      const [a, b] = [randomWords(200), randomWords(200)].map((words) => minHashSignature(words.join(" "))!);
      sum += estimateSimilarity(a!, b!);
      for (const byte of a!) counts[byte]!++;
    }
    expect(Math.abs(sum / 300)).toBeLessThan(0.002);
    const expected = (300 * 128) / 256;
    const chiSquare = counts.reduce((all, count) => all + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(255 + 5 * Math.sqrt(2 * 255));
  });

  it("of short texts use all words; a text without words has none", () => {
    const signature = (text: string) => minHashSignature(text);
    expect(signature("One two")).toEqual(signature("one, TWO"));
    expect(signature("one two")).not.toEqual(signature("two one"));
    expect(signature("... !")).toBeUndefined();
  });
});

describe("bands", () => {
  it.each([0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1])("at %d miss less than one pair in a hundred", (threshold) => {
    const { bands, rows } = chooseBands(threshold);
    expect(bands * rows).toBeLessThanOrEqual(128);
    expect(1 - (1 - threshold ** rows) ** bands).toBeGreaterThanOrEqual(0.99);
    if (rows < 128) {
      const more = Math.floor(128 / (rows + 1));
      expect(1 - (1 - threshold ** (rows + 1)) ** more).toBeLessThan(0.99);
    }
  });
});

describe("near duplicates", () => {
  it("are found with high recall and precision around the threshold", () => {
    const { isDuplicate } = createNearDuplicates({ threshold: 0.8 });
    const originals = Array.from({ length: 1500 }, () => randomWords(250));
    for (const words of originals) expect(isDuplicate(words.join(" "))).toBe(false);
    const tally = { above: 0, foundAbove: 0, below: 0, foundBelow: 0 };
    for (const words of originals) {
      const copy = changed(words, below(16));
      const truth = similarity(words, copy);
      // Three standard errors (0.035 each) to both sides of the threshold may go either way.
      if (truth > 0.69 && truth < 0.91) continue;
      const found = isDuplicate(copy.join(" "));
      if (truth >= 0.91) {
        tally.above++;
        if (found) tally.foundAbove++;
      } else {
        tally.below++;
        if (found) tally.foundBelow++;
      }
    }
    expect(tally.above).toBeGreaterThan(200);
    expect(tally.below).toBeGreaterThan(100);
    expect(tally.foundAbove / tally.above).toBeGreaterThan(0.99);
    expect(tally.foundBelow / tally.below).toBeLessThan(0.01);
  });

  it("are compared with kept documents only: a chain of small changes is not one cluster", () => {
    const { isDuplicate } = createNearDuplicates({ threshold: 0.8 });
    const first = randomWords(400);
    const second = [...first.slice(30), ...randomWords(30)];
    const third = [...second.slice(30), ...randomWords(30)];
    expect(similarity(first, third)).toBeLessThan(0.77);
    expect([first, second, third].map((words) => isDuplicate(words.join(" ")))).toEqual([false, true, false]);
  });

  it("at a threshold of 1 have equal shingles; an invalid threshold is refused", () => {
    const { isDuplicate } = createNearDuplicates({ threshold: 1 });
    const words = randomWords(100);
    expect(isDuplicate(words.join(" "))).toBe(false);
    expect(isDuplicate(words.join(", "))).toBe(true);
    expect(isDuplicate([...words.slice(0, 60), "x", ...words.slice(61)].join(" "))).toBe(false);
    expect(isDuplicate("...")).toBe(false);
    expect(isDuplicate("...")).toBe(false);
    for (const threshold of [0, 1.1, Number.NaN])
      expect(() => createNearDuplicates({ threshold })).toThrow(/threshold/);
  });
});
