import { hashKey } from "@megatron-ts/random";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../indexed/writer.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { type MaskingOptions, maskTokens } from "./masking.ts";
import { chooseTargets, permutationMask } from "./permutation.ts";
import { createSentencePairs } from "./sentence-pairs.ts";
import { corruptSpans } from "./span-corruption.ts";
import { type ObjectiveVocabulary, objectiveVocabulary } from "./vocabulary.ts";

/** 1,000 ids: 0 to 4 are markers; of the others every third continues the word before it. */
const vocabulary: ObjectiveVocabulary = {
  size: 1000,
  special: Uint8Array.from({ length: 1000 }, (_, id) => (id < 5 ? 1 : 0)),
  continues: Uint8Array.from({ length: 1000 }, (_, id) => (id >= 5 && id % 3 === 0 ? 1 : 0)),
};
const text = (length: number, salt = 0) =>
  Int32Array.from({ length }, (_, i) => 5 + ((i * 7919 + salt * 31 + ((i * i) % 13)) % 995));
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
  it("hides 15 %, of which 80 % become the mask, 10 % another token and 10 % stay, over 100,000 masks", () => {
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

  it("never hides markers, and repeats by its key", () => {
    const tokens = text(64);
    tokens.set([1, 2, 3], 10);
    for (let sample = 0; sample < 200; sample++) {
      const { labels } = mask(tokens, sample, { rate: 0.9 });
      expect([...labels.subarray(10, 13)]).toEqual([-100, -100, -100]);
    }
    expect(mask(tokens, 3)).toEqual(mask(tokens, 3));
    expect(mask(tokens, 3)).not.toEqual(mask(tokens, 4));
  });

  it("hides words as a whole, and runs of n words with probability proportional to 1/n", () => {
    const tokens = text(256);
    const runs = [0, 0, 0, 0];
    for (let sample = 0; sample < 1500; sample++) {
      for (const unit of ["whole-word", "n-gram"] as const) {
        const { labels } = mask(tokens, sample, { unit, rate: 0.03 });
        labels.forEach((label, i) => {
          const joined = i + 1 < labels.length && vocabulary.continues[tokens[i + 1]!] === 1;
          if (joined && label >= 0 !== labels[i + 1]! >= 0)
            throw new Error(`the word at ${i} of sample ${sample} was cut`);
        });
        if (unit === "whole-word") continue;
        const words = [...labels.keys()].filter((i) => labels[i]! >= 0 && vocabulary.continues[tokens[i]!] === 0);
        // The first word of the sample's longest run stands for the run.
        let run = 0;
        for (const word of words) {
          let next = word + 1;
          while (vocabulary.continues[tokens[next]!] === 1) next++;
          run++;
          if (labels[next]! >= 0) continue;
          runs[Math.min(run, 4) - 1]!++;
          run = 0;
        }
      }
    }
    expect(runs[0]!).toBeGreaterThan(runs[1]!);
    expect(runs[1]!).toBeGreaterThan(runs[2]!);
    expect(runs[2]!).toBeGreaterThan(0);
  });
});

describe("createSentencePairs", () => {
  const at = temporaryDirectory();
  const sentencesPerDocument = 6;
  const writer = createIndexedDatasetWriter(at("sentences"), { type: "i32" });
  // A token says its document and its sentence: document * 100 + sentence.
  for (let document = 0; document < 50; document++) {
    const lengths = Array.from({ length: sentencesPerDocument }, (_, sentence) => 4 + ((document + sentence) % 5));
    const tokens = lengths.flatMap((length, sentence) => new Array<number>(length).fill(document * 100 + sentence));
    writer.addDocument(tokens, lengths);
  }
  writer.finish();
  const dataset = openIndexedDataset(at("sentences"));
  const open = (kind: "next-sentence" | "sentence-order") =>
    createSentencePairs({ dataset, documents: { start: 0, end: 50 }, kind, maxTokens: 24, shortRate: 0.1, seed: 3 });
  const documentOf = (tokens: Int32Array) => [...new Set(tokens.map((token) => Math.floor(token / 100)))];

  it("next sentence: half of the second segments come from another document, the others follow", () => {
    const pairs = open("next-sentence");
    let random = 0;
    const count = 4000;
    for (let i = 0; i < count; i++) {
      const { first, second, label } = pairs.at(i);
      expect(first.length + second.length).toBeLessThanOrEqual(24);
      expect(Math.min(first.length, second.length)).toBeGreaterThan(0);
      expect(documentOf(first)).toHaveLength(1);
      expect(documentOf(second)).toHaveLength(1);
      if (label === 1) expect(documentOf(second)).not.toEqual(documentOf(first));
      else expect(second[0]! - first.at(-1)!).toBeGreaterThanOrEqual(0);
      random += label;
    }
    // A chunk of one sentence always gets a random one, so a little more than half.
    expect(random / count).toBeGreaterThan(0.47);
    expect(random / count).toBeLessThan(0.68);
    expect(pairs.at(17)).toEqual(open("next-sentence").at(17));
  });

  it("sentence order: the two halves of one text, swapped half the time", () => {
    const pairs = open("sentence-order");
    let swapped = 0;
    const count = 4000;
    for (let i = 0; i < count; i++) {
      const { first, second, label } = pairs.at(i);
      expect(documentOf(first)).toEqual(documentOf(second));
      const [earlier, later] = label === 1 ? [second, first] : [first, second];
      expect(earlier.at(-1)!).toBeLessThan(later[0]!);
      swapped += label;
    }
    expect(swapped / count).toBeCloseTo(0.5, 1);
  });
});

describe("corruptSpans", () => {
  const sentinels = Array.from({ length: 100 }, (_, i) => 999 - i);
  const restore = (source: Int32Array, target: Int32Array) => {
    const spans = new Map<number, number[]>();
    let current: number[] = [];
    for (const token of target.subarray(0, -1)) {
      if (token >= 900) {
        current = [];
        spans.set(token, current);
      } else current.push(token);
    }
    return [...source.subarray(0, -1)].flatMap((token) => (token >= 900 ? spans.get(token)! : [token]));
  };

  it.each([
    [{ kind: "mean", length: 3 }, 3],
    // The cut geometric distribution has mean 3.8; the last span of a sample is cut to what is left of the 15 %.
    [{ kind: "geometric", p: 0.2, longest: 10 }, 3.5],
  ] as const)("takes 15 % out in spans of %j, and puts both sides together again", (spans, meanLength) => {
    let [removed, count, total] = [0, 0, 0];
    for (let sample = 0; sample < 2000; sample++) {
      const tokens = text(200, sample).map((token) => 5 + (token % 890));
      const { source, target } = corruptSpans(tokens, {
        rate: 0.15,
        spans,
        sentinels,
        endOfSequence: 1,
        key: hashKey(2, sample),
      });
      expect(restore(source, target)).toEqual([...tokens]);
      expect([source.at(-1), target.at(-1)]).toEqual([1, 1]);
      const used = source.filter((token) => token >= 900);
      expect([...used]).toEqual(sentinels.slice(0, used.length));
      count += used.length;
      removed += target.length - 1 - used.length;
      total += tokens.length;
    }
    expect(removed / total).toBeCloseTo(0.15, 2);
    expect(Math.abs(removed / count - meanLength)).toBeLessThan(0.25);
  });
});

describe("permutations", () => {
  const targetsOf = (tokens: Int32Array, sample: number, predicted = 43) =>
    chooseTargets(tokens, { predicted, contextPerToken: 6, maxNgram: 5, vocabulary, key: hashKey(4, sample) });

  it("predict exactly as many tokens as asked, and no marker", () => {
    for (let sample = 0; sample < 500; sample++) {
      const tokens = text(256, sample);
      tokens.set([2, 3], 100);
      const targets = targetsOf(tokens, sample);
      expect(targets.reduce((sum, target) => sum + target, 0)).toBe(43);
      expect([targets[100], targets[101]]).toEqual([0, 0]);
    }
  });

  it("never let a target see itself or a later one, nor a seen token see a target", () => {
    const tokens = text(64);
    for (let sample = 0; sample < 50; sample++) {
      const targets = targetsOf(tokens, sample, 20);
      const blocked = permutationMask(tokens, { targets, chunk: 32, vocabulary, key: hashKey(5, sample) });
      const sees = (i: number, j: number) => blocked[i * 64 + j] === 0;
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
});

describe("objectiveVocabulary", () => {
  it("tells markers and continuations of a byte-level vocabulary", async () => {
    const tokenizer = await createTokenizer(
      await trainBpe(["the lowest of the low, the slowest"], { vocabularySize: 280 }),
    );
    const { special, continues } = objectiveVocabulary(tokenizer);
    expect(special[tokenizer.endOfText!]).toBe(1);
    expect(continues[tokenizer.tokenToId("Ġthe")!]).toBe(0);
    expect(continues[tokenizer.tokenToId("e")!]).toBe(1);
    expect(continues[tokenizer.tokenToId(",")!]).toBe(0);
  });
});
