/** Expected values: Python's decimal module with 40 digits. */
import { describe, expect, it } from "vitest";
import { createPerplexity } from "./perplexity.ts";

describe("perplexity", () => {
  it("is exp of the mean, per word by the WikiText formula, and bits per byte", () => {
    const perplexity = createPerplexity();
    perplexity.add({ negativeLogLikelihood: 8000, tokens: 2300, bytes: 10_000, words: 1500 });
    perplexity.add({ negativeLogLikelihood: 514.25, tokens: 90, bytes: 1000, words: 500 });
    const result = perplexity.result();
    expect(result.tokens).toBe(2390);
    expect(result.loss).toBeCloseTo(3.5624476987447697, 14);
    expect(result.perplexity).toBeCloseTo(35.24937148000228, 11);
    expect(result.wordPerplexity).toBeCloseTo(70.75722329212395, 11);
    expect(result.bitsPerByte).toBeCloseTo(1.1166787501717141, 14);
  });

  it("is the vocabulary size for a uniform guess", () => {
    const perplexity = createPerplexity();
    for (let i = 0; i < 1000; i++) perplexity.add({ negativeLogLikelihood: Math.log(50257), tokens: 1, bytes: 4 });
    expect(perplexity.result().loss).toBe(Math.log(50257));
    expect(perplexity.result().perplexity).toBeCloseTo(50257, 8);
    expect(perplexity.result().bitsPerByte).toBeCloseTo(3.9042592335719357, 14);
  });

  it("merges to the same bits as one evaluator, in any order and through JSON", () => {
    const terms = Array.from({ length: 999 }, (_, i) => ({
      negativeLogLikelihood: Math.exp((i % 23) - 11) / 3,
      tokens: 1 + (i % 5),
      bytes: 3 * i,
      words: i % 4,
    }));
    const whole = createPerplexity();
    const parts = [createPerplexity(), createPerplexity(), createPerplexity()];
    terms.forEach((term, i) => {
      whole.add(term);
      parts[(i * i) % 3]!.add(term);
    });
    const merged = createPerplexity(JSON.parse(JSON.stringify(parts[2]!.state())));
    merged.merge(parts[0]!);
    merged.merge(parts[1]!);
    expect(merged.result()).toEqual(whole.result());
  });

  it("is not changed by adding to the evaluator that it was saved from", () => {
    const first = createPerplexity();
    first.add({ negativeLogLikelihood: 4, tokens: 2 });
    const saved = first.state();
    first.add({ negativeLogLikelihood: 8, tokens: 2 });
    expect(createPerplexity(saved).result().loss).toBe(2);
    expect(first.result().loss).toBe(3);
  });

  it("leaves out what was not counted for every term", () => {
    const perplexity = createPerplexity();
    perplexity.add({ negativeLogLikelihood: 1, tokens: 1, bytes: 4, words: 2 });
    expect(perplexity.result().bitsPerByte).toBeDefined();
    expect(perplexity.result().wordPerplexity).toBe(Math.E);
    perplexity.add({ negativeLogLikelihood: 1, tokens: 1, words: 1 });
    expect(perplexity.result().bitsPerByte).toBeUndefined();
    expect(perplexity.result().wordPerplexity).toBe(Math.E);
  });

  it("shows a loss that is not finite, and keeps it through JSON", () => {
    const impossible = createPerplexity();
    impossible.add({ negativeLogLikelihood: Number.POSITIVE_INFINITY, tokens: 1 });
    expect(createPerplexity(JSON.parse(JSON.stringify(impossible.state()))).result().perplexity).toBe(Infinity);
    const broken = createPerplexity();
    broken.add({ negativeLogLikelihood: Number.NaN, tokens: 1 });
    impossible.merge(broken);
    expect(impossible.result().loss).toBeNaN();
  });

  it("rejects impossible counts, and has no result for no tokens", () => {
    expect(() => createPerplexity().result()).toThrow(/no tokens/);
    expect(() => createPerplexity().add({ negativeLogLikelihood: 1, tokens: 1.5 })).toThrow(/tokens .*1.5/);
    expect(() => createPerplexity().add({ negativeLogLikelihood: 1, tokens: 1, bytes: -1 })).toThrow(/bytes .*-1/);
  });
});
