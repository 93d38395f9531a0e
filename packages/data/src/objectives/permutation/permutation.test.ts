import { hashKey } from "@megatron-ts/random";
import { describe, expect, it } from "vitest";
import { text, vocabulary } from "../../testing/objective-text.ts";
import { drawPermutationMask } from "./permutation-mask.ts";
import { chooseTargets } from "./targets.ts";

describe("permutations", () => {
  const targetsOf = (tokens: Int32Array, sample: number, predicted = 43) =>
    chooseTargets(tokens, { numPredicted: predicted, maskAlpha: 6, maxNgram: 5, vocabulary, key: hashKey(4, sample) });

  it("predict exactly the given number of tokens, and no special token", () => {
    for (let sample = 0; sample < 500; sample++) {
      const tokens = text(256, sample);
      tokens.set([2, 3], 100);
      const targets = targetsOf(tokens, sample);
      expect(targets.reduce((sum, target) => sum + target, 0)).toBe(43);
      expect([targets[100], targets[101]]).toEqual([0, 0]);
    }
  });

  it("never let a target see itself or a later target, nor another token see a target", () => {
    const tokens = text(64);
    for (let sample = 0; sample < 50; sample++) {
      const targets = targetsOf(tokens, sample, 20);
      const mask = drawPermutationMask(tokens, { targets, permutationSize: 32, vocabulary, key: hashKey(5, sample) });
      const sees = (i: number, j: number) => mask[i * 64 + j] === 0;
      for (let i = 0; i < 64; i++) {
        for (let j = 0; j < 64; j++) {
          // Of two targets one sees the other; a target never sees itself.
          const right =
            targets[j] === 0 ? sees(i, j) : targets[i] === 0 || i === j ? !sees(i, j) : sees(i, j) !== sees(j, i);
          if (!right) throw new Error(`sample ${sample}: whether ${i} sees ${j} is wrong`);
        }
      }
    }
  });

  it("predict whole words of reversed text too", () => {
    for (let sample = 0; sample < 200; sample++) {
      const forwards = text(256, sample);
      const tokens = forwards.toReversed();
      // Few enough that no target is added at random.
      const options = { numPredicted: 20, maskAlpha: 6, maxNgram: 5, vocabulary, key: hashKey(4, sample) };
      const targets = chooseTargets(tokens, { ...options, reversed: true });
      expect(targets).toEqual(chooseTargets(forwards, options).reverse());
      let cut = 0;
      tokens.forEach((token, i) => {
        // Here the pieces of a word come before its beginning.
        if (vocabulary.continues[token] === 1 && targets[i] !== targets[i + 1]) cut++;
      });
      expect(cut).toBeLessThanOrEqual(1);
    }
  });

  it("are the same in every chunk (the original's tf.reshape and tf.transpose)", () => {
    const all = new Uint8Array(6).fill(1);
    const tokens = text(6);
    const mask = drawPermutationMask(tokens, { targets: all, permutationSize: 3, vocabulary, key: hashKey(5, 1) });
    // A predicted token sees those before it.
    const rank = [...all.keys()].map((i) => mask.subarray(i * 6, (i + 1) * 6).filter((hidden) => !hidden).length);
    expect(rank.slice(0, 3).toSorted()).toEqual([0, 1, 2]);
    expect(rank.slice(3)).toEqual(rank.slice(0, 3).map((position) => position + 3));
  });
});
