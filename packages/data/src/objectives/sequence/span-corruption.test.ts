import { hashKey } from "@megatron-ts/random";
import { describe, expect, it } from "vitest";
import { text } from "../../testing/objective-text.ts";
import { maskSpans } from "./denoising.ts";
import { corruptSpans } from "./span-corruption.ts";
import type { SpanOptions } from "./spans.ts";

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
  const corrupt = (length: number, sample: number, options: SpanOptions) => {
    const tokens = text(length, sample).map((token) => 5 + (token % 890));
    return { tokens, ...corruptSpans(tokens, { ...options, sentinels, endOfSequence: 1, key: hashKey(2, sample) }) };
  };

  it.each([{ kind: "mean", length: 3 } as const, geometric])(
    "removes 15 % in spans of %j, and loses no token",
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

  it("corrupts documents that are kept apart one by one", () => {
    const documentOf = Int32Array.from({ length: 60 }, (_, i) => Math.floor(i / 20));
    for (let sample = 0; sample < 200; sample++) {
      const tokens = text(60, sample).map((token) => 5 + (token % 890));
      const options = { documentOf, rate: 0.5, spans: geometric, endOfSequence: 1, key: hashKey(2, sample) };
      const { source, target, documents } = corruptSpans(tokens, { ...options, sentinels });
      const masked = maskSpans(tokens, { ...options, maskToken: 999 });
      for (const document of [0, 1, 2]) {
        const of = (values: Int32Array, numbers: Int32Array) => values.filter((_, i) => numbers[i] === document);
        const [own, wanted] = [of(source, documents!.source), of(target, documents!.target)];
        const end = document === 2 ? [] : [1];
        const restored = restore(Int32Array.from([...own, ...end]), Int32Array.from([...wanted, ...end]));
        expect(restored).toEqual([...tokens.subarray(20 * document, 20 * document + 20)]);
        const used = own.filter((token) => token >= 900);
        expect([...used]).toEqual(sentinels.slice(0, used.length));
        expect([...of(masked.source, masked.documents!.source)]).toEqual([...own].map((t) => (t >= 900 ? 999 : t)));
        expect(of(masked.target, masked.documents!.target).length).toBe(document === 2 ? 21 : 20);
      }
    }
  });

  /** How often a span has n tokens, over 100,000 spans. */
  function spanLengths(length: number, options: SpanOptions): number[] {
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

  it("draws all ways to divide 30 tokens into 10 spans equally often, over 100,000 spans of a mean length", () => {
    const shares = spanLengths(200, { rate: 0.15, spans: { kind: "mean", length: 3 } });
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (n / k) * choose(n - 1, k - 1));
    for (let n = 1; n <= 8; n++) {
      expect(Math.abs(shares[n]! - choose(29 - n, 8) / choose(29, 9))).toBeLessThan(0.005);
    }
  });

  it("draws n tokens with probability p (1 - p)^(n - 1), the last span cut to the rest, over 100,000 geometric spans", () => {
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

describe("maskSpans", () => {
  it("masks what corruptSpans removes, and keeps the text as the target", () => {
    const tokens = text(200).map((token) => 5 + (token % 890));
    const options = { rate: 0.15, spans: { kind: "mean", length: 3 }, endOfSequence: 1, key: hashKey(2, 0) } as const;
    const sentinels = Array.from({ length: 100 }, (_, i) => 999 - i);
    const corrupted = corruptSpans(tokens, { ...options, sentinels });
    const { source, target } = maskSpans(tokens, { ...options, maskToken: 4 });
    expect(source).toEqual(corrupted.source.map((token) => (token >= 900 ? 4 : token)));
    expect([...target]).toEqual([...tokens, 1]);
  });
});
