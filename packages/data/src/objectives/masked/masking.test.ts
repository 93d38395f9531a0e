import { hashKey } from "@megatron-ts/random";
import { describe, expect, it } from "vitest";
import { text, vocabulary } from "../../testing/objective-text.ts";
import { type MaskingOptions, maskTokens } from "./masking.ts";

const mask = (tokens: Int32Array, sample: number, options: Partial<MaskingOptions> = {}) =>
  maskTokens(tokens, {
    rate: 0.15,
    unit: "sub-word",
    maxNgram: 3,
    vocabulary,
    maskToken: 4,
    key: hashKey(1, sample),
    ...options,
  });

describe("maskTokens", () => {
  it("predicts 15 %: 80 % become the mask token, 10 % another token and 10 % stay, over 100,000 masks", () => {
    let [tokens, predicted, masked, kept] = [0, 0, 0, 0];
    for (let sample = 0; predicted < 100_000; sample++) {
      const original = text(128, sample);
      const { tokens: seen, labels } = mask(original, sample);
      tokens += original.length;
      labels.forEach((label, i) => {
        if ((label < 0 ? seen[i] : label) !== original[i]) throw new Error(`token ${i} of sample ${sample} was lost`);
        if (label < 0) return;
        predicted++;
        if (seen[i] === 4) masked++;
        else if (seen[i] === label) kept++;
      });
    }
    expect(predicted / tokens).toBeCloseTo(19 / 128, 6);
    expect(masked / predicted).toBeCloseTo(0.8, 2);
    expect(kept / predicted).toBeCloseTo(0.1 + 0.1 / 995, 2);
  });

  it("never masks special tokens, and depends on its key", () => {
    const tokens = text(64);
    tokens.set([1, 2, 3], 10);
    for (let sample = 0; sample < 200; sample++) {
      const { labels } = mask(tokens, sample, { rate: 0.9 });
      expect([...labels.subarray(10, 13)]).toEqual([-100, -100, -100]);
    }
    expect(mask(tokens, 3)).toEqual(mask(tokens, 3));
    expect(mask(tokens, 3)).not.toEqual(mask(tokens, 4));
  });

  it("masks whole words", () => {
    const tokens = text(256);
    for (let sample = 0; sample < 1500; sample++) {
      for (const unit of ["whole-word", "n-gram"] as const) {
        const { labels } = mask(tokens, sample, { unit, rate: 0.03 });
        labels.forEach((label, i) => {
          const joined = i + 1 < labels.length && vocabulary.continues[tokens[i + 1]!] === 1;
          if (joined && label >= 0 !== labels[i + 1]! >= 0)
            throw new Error(`the word at ${i} of sample ${sample} was cut`);
        });
      }
    }
  });

  it("masks runs of n words with probability proportional to 1/n, over 100,000 masks", () => {
    const words = { ...vocabulary, continues: new Uint8Array(1000) };
    const length = 400;
    const samples = 34_000;
    // Three tokens a sample: as one run, as a run of two and one of one, or each by itself.
    const found = [0, 0, 0];
    for (let sample = 0; sample < samples; sample++) {
      const options = { unit: "n-gram", rate: 3 / length, vocabulary: words } as const;
      const { labels } = mask(text(length, sample), sample, options);
      let runs = 0;
      labels.forEach((label, i) => {
        if (label >= 0 && !(labels[i + 1]! >= 0)) runs++;
      });
      found[runs - 1]!++;
    }
    // Of one, two and three words with 6, 3 and 2 elevenths; what is too long for the rest is cut. That runs touch by
    // chance is worth less than 0.008.
    const expected = [2 / 11, 3 / 11 + (6 / 11) * (5 / 11), (6 / 11) ** 2];
    expected.forEach((share, i) => {
      expect(Math.abs(found[i]! / samples - share)).toBeLessThan(0.015);
    });
  });
});
