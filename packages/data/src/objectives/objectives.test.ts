import { hashKey } from "@megatron-ts/random";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../indexed/writer.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { type MaskingOptions, maskTokens } from "./masking.ts";
import { chooseTargets, permutationMask } from "./permutation.ts";
import { createSentencePairs } from "./sentence-pairs.ts";
import { corruptSpans, type SpanCorruptionOptions } from "./span-corruption.ts";
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

  it("hides words as a whole", () => {
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

  it("hides runs of n words with probability proportional to 1/n, over 100,000 masks", () => {
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

  it("next sentence: the second segment follows, or comes from another document", () => {
    const pairs = open("next-sentence");
    for (let i = 0; i < 4000; i++) {
      const { first, second, label } = pairs.at(i);
      expect(first.length + second.length).toBeLessThanOrEqual(24);
      expect(Math.min(first.length, second.length)).toBeGreaterThan(0);
      expect(documentOf(first)).toHaveLength(1);
      expect(documentOf(second)).toHaveLength(1);
      if (label === 1) expect(documentOf(second)).not.toEqual(documentOf(first));
      else expect(second[0]! - first.at(-1)!).toBeGreaterThanOrEqual(0);
    }
    expect(pairs.at(17)).toEqual(open("next-sentence").at(17));
  });

  it("next sentence: over 100,000 pairs, half of them random, from all other documents alike", () => {
    const short = createIndexedDatasetWriter(at("couples"), { type: "i32" });
    for (let document = 0; document < 50; document++) {
      short.addDocument([document * 100, document * 100, document * 100 + 1, document * 100 + 1], [2, 2]);
    }
    short.finish();
    const couples = createSentencePairs({
      dataset: openIndexedDataset(at("couples")),
      documents: { start: 0, end: 50 },
      kind: "next-sentence",
      maxTokens: 24,
      shortRate: 0,
      seed: 3,
    });
    let [beginning, random] = [0, 0];
    const distances = new Float64Array(50);
    for (let i = 0; i < 100_000; i++) {
      const { first, second, label } = couples.at(i);
      if (label === 1) distances[(Math.floor(second[0]! / 100) - Math.floor(first[0]! / 100) + 50) % 50]!++;
      // A sentence whose pair was random begins the next one, and has nothing but another document's to go with it.
      if (first[0]! % 100 !== 0) continue;
      beginning++;
      random += label;
    }
    expect(beginning).toBeGreaterThan(60_000);
    expect(Math.abs(random / beginning - 0.5)).toBeLessThan(0.01);
    const total = distances.reduce((sum, count) => sum + count, 0);
    expect(distances[0]).toBe(0);
    for (const count of distances.subarray(1)) expect(Math.abs((49 * count) / total - 1)).toBeLessThan(0.12);
  });

  it("sentence order: the two halves of one text, swapped half the time, over 100,000 pairs", () => {
    const pairs = open("sentence-order");
    let swapped = 0;
    const count = 100_000;
    for (let i = 0; i < count; i++) {
      const { first, second, label } = pairs.at(i);
      const [earlier, later] = label === 1 ? [second, first] : [first, second];
      const oneDocument = Math.floor(first[0]! / 100) === Math.floor(second.at(-1)! / 100);
      if (!oneDocument || earlier.at(-1)! >= later[0]!) throw new Error(`pair ${i} is no text in two halves`);
      swapped += label;
    }
    expect(Math.abs(swapped / count - 0.5)).toBeLessThan(0.007);
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

  const geometric = { kind: "geometric", p: 0.2, longest: 10 } as const;
  const corrupt = (length: number, sample: number, options: Pick<SpanCorruptionOptions, "rate" | "spans">) => {
    const tokens = text(length, sample).map((token) => 5 + (token % 890));
    return { tokens, ...corruptSpans(tokens, { ...options, sentinels, endOfSequence: 1, key: hashKey(2, sample) }) };
  };

  it.each([{ kind: "mean", length: 3 } as const, geometric])(
    "takes 15 % out in spans of %j, and puts both sides together again",
    (spans) => {
      for (let sample = 0; sample < 500; sample++) {
        const { tokens, source, target } = corrupt(200, sample, { rate: 0.15, spans });
        expect(restore(source, target)).toEqual([...tokens]);
        expect([source.at(-1), target.at(-1)]).toEqual([1, 1]);
        const used = source.filter((token) => token >= 900);
        expect([...used]).toEqual(sentinels.slice(0, used.length));
        expect(target.length - 1 - used.length).toBe(30);
      }
    },
  );

  /** How often a span has n tokens, over 100,000 spans. */
  function spanLengths(length: number, options: Pick<SpanCorruptionOptions, "rate" | "spans">): number[] {
    const counts: number[] = [];
    let spans = 0;
    for (let sample = 0; spans < 100_000; sample++) {
      const { target } = corrupt(length, sample, options);
      let run = 0;
      for (const token of [...target.subarray(1, -1), 999]) {
        if (token < 900) {
          run++;
          continue;
        }
        counts[run] = (counts[run] ?? 0) + 1;
        spans++;
        run = 0;
      }
    }
    return Array.from(counts, (count) => (count ?? 0) / spans);
  }

  it("spans of a mean length: every way to share 30 tokens among 10 spans is as likely, over 100,000 spans", () => {
    const shares = spanLengths(200, { rate: 0.15, spans: { kind: "mean", length: 3 } });
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (n / k) * choose(n - 1, k - 1));
    for (let n = 1; n <= 8; n++) {
      expect(Math.abs(shares[n]! - choose(29 - n, 8) / choose(29, 9))).toBeLessThan(0.005);
    }
  });

  it("geometric spans: n tokens with probability p (1 - p)^(n - 1), the last cut to the rest, over 100,000 spans", () => {
    const shares = spanLengths(2000, { rate: 0.02, spans: geometric });
    const total = 1 - 0.8 ** 10;
    const probability = (n: number) => (0.2 * 0.8 ** (n - 1)) / total;
    // How many spans of n tokens are to be expected where `rest` tokens are left.
    const expected: number[][] = [new Array<number>(11).fill(0)];
    for (let rest = 1; rest <= 40; rest++) {
      const own = new Array<number>(11).fill(0);
      for (let n = 1; n <= 10; n++) {
        const cut = Math.min(n, rest);
        own[cut]! += probability(n);
        expected[rest - cut]!.forEach((count, i) => {
          own[i]! += probability(n) * count;
        });
      }
      expected.push(own);
    }
    const spans = expected[40]!.reduce((sum, count) => sum + count, 0);
    for (let n = 1; n <= 10; n++) expect(Math.abs(shares[n]! - expected[40]![n]! / spans)).toBeLessThan(0.005);
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

  it("predict whole words of a text that runs backwards too", () => {
    for (let sample = 0; sample < 200; sample++) {
      const forwards = text(256, sample);
      const tokens = forwards.toReversed();
      // Few enough that the text is not run through, and none is filled up by itself.
      const options = { predicted: 20, contextPerToken: 6, maxNgram: 5, vocabulary, key: hashKey(4, sample) };
      const targets = chooseTargets(tokens, { ...options, reversed: true });
      expect(targets).toEqual(chooseTargets(forwards, options).reverse());
      let cut = 0;
      tokens.forEach((token, i) => {
        // A piece that continues a word stands before the word's beginning here.
        if (vocabulary.continues[token] === 1 && targets[i] !== targets[i + 1]) cut++;
      });
      expect(cut).toBeLessThanOrEqual(1);
    }
  });

  it("go chunk by chunk, each in the same order (the original's tf.reshape and tf.transpose)", () => {
    const all = new Uint8Array(6).fill(1);
    const tokens = text(6);
    const blocked = permutationMask(tokens, { targets: all, chunk: 3, vocabulary, key: hashKey(5, 1) });
    // A predicted token sees as many as come before it.
    const rank = [...all.keys()].map((i) => blocked.subarray(i * 6, (i + 1) * 6).filter((hidden) => !hidden).length);
    expect(rank.slice(0, 3).toSorted()).toEqual([0, 1, 2]);
    expect(rank.slice(3)).toEqual(rank.slice(0, 3).map((place) => place + 3));
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
