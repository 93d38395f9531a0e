import { describe, expect, it } from "vitest";
import { createBatchSchedule } from "../../batches/schedule.ts";
import { text, vocabulary } from "../../testing/objective-text.ts";
import { createMaskedBatches } from "./batches.ts";
import type { Segments } from "./samples.ts";

describe("createMaskedBatches", () => {
  const open = (at: (index: number) => Segments, maskRepeatInterval: number | null = null) =>
    createMaskedBatches({
      samples: { length: Number.POSITIVE_INFINITY, at },
      sequenceLength: 16,
      specialTokens: { classification: 1, separator: 2, padding: 0 },
      masking: { rate: 0.15, unit: "sub-word", maxNgram: 3, vocabulary, maskToken: 4 },
      seed: 1,
      maskRepeatInterval,
      schedule: createBatchSchedule({ batchSize: 2 }),
    });

  it("adds special tokens, token types, padding and pair labels", () => {
    const batch = open(() => ({ first: text(3), second: text(2), label: 1 })).at(0);
    const original = batch.tokens.map((token, i) => (batch.labels[i]! >= 0 ? batch.labels[i]! : token));
    expect([...original.subarray(0, 16)]).toEqual([1, ...text(3), 2, ...text(2), 2, ...Array(8).fill(0)]);
    expect([...batch.tokenTypes.subarray(16)]).toEqual([...Array(5).fill(0), 1, 1, 1, ...Array(8).fill(0)]);
    expect([...batch.lengths]).toEqual([8, 8]);
    expect([...batch.pairLabels!]).toEqual([1, 1]);
    expect(open(() => ({ first: text(3) })).at(0).pairLabels).toBeUndefined();
  });

  it("repeats masks after the interval, and draws new ones without", () => {
    const first = text(12);
    const repeating = open(() => ({ first }), 6);
    expect(repeating.at(3)).toEqual(repeating.at(0));
    const dynamic = open(() => ({ first }));
    expect(dynamic.at(3)).not.toEqual(dynamic.at(0));
  });

  it("shares a batch among ranks, and refuses samples that are too long", () => {
    const batches = open((index) => ({ first: text(5, index) }));
    const parts = [0, 1].map((rank) => [...batches.at(7, { rank, ranks: 2 }).tokens]);
    expect(parts.flat()).toEqual([...batches.at(7).tokens]);
    expect(() => open(() => ({ first: text(15) })).at(0)).toThrow(/sample 0 has 17 tokens/);
  });
});
