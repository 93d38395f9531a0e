import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IGNORED_LABEL } from "../../batches/batches.ts";
import { createBatchSchedule } from "../../batches/schedule.ts";
import { openIndexedDataset } from "../../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../../indexed/writer.ts";
import { createPackedSamples } from "../../samples/packed-samples.ts";
import type { PackedSample } from "../../samples/source.ts";
import { goldenValues, temporaryDirectory } from "../../testing/directory.ts";
import { buildCausalBatch, type CausalBatch, createCausalBatches } from "./batches.ts";
import { createCausalEvaluationBatches } from "./evaluation.ts";

const path = temporaryDirectory();

/** Documents of these lengths, the last token of each 0, all others different. */
function writeDataset(name: string, lengths: readonly number[]) {
  const writer = createIndexedDatasetWriter(path(name), { type: "u16" });
  let next = 1;
  for (const length of lengths) writer.addDocument(Array.from({ length }, (_, i) => (i === length - 1 ? 0 : next++)));
  writer.finish();
  return openIndexedDataset(path(name));
}

const packed = (tokens: number[], documentStarts: number[] = []): PackedSample => ({
  tokens: Int32Array.from(tokens),
  documentStarts: Int32Array.from(documentStarts),
});

describe("a causal batch", () => {
  it("shifts labels by one and counts positions", () => {
    const batch = buildCausalBatch([packed([4, 5, 6, 7]), packed([1, 2, 3, 4])], { sequenceLength: 3 });
    expect(batch).toEqual({
      batchSize: 2,
      sequenceLength: 3,
      tokens: Int32Array.of(4, 5, 6, 1, 2, 3),
      labels: Int32Array.of(5, 6, 7, 2, 3, 4),
      positions: Int32Array.of(0, 1, 2, 0, 1, 2),
    });
  });

  it("masks documents as Megatron does", () => {
    const { tokens, endOfDocument, positions, lossMask, visibleFrom } = goldenValues().masks;
    const starts = tokens.flatMap((token, i) => (token === endOfDocument ? [i + 1] : []));
    const batch = buildCausalBatch([packed([...tokens, 42], starts)], {
      sequenceLength: tokens.length,
      resetPositions: true,
      resetAttention: true,
      maskEndOfDocumentLoss: true,
    });
    expect([...batch.positions!]).toEqual(positions);
    expect([...batch.keyStart!]).toEqual(visibleFrom);
    expect([...batch.labels].map((label) => (label === IGNORED_LABEL ? 0 : 1))).toEqual(lossMask);
  });

  it("is a function of the step, and ranks share it in order", () => {
    const dataset = writeDataset("ranks", [9, 4, 30, 2, 17, 8]);
    const samples = createPackedSamples({ dataset, documents: { start: 0, end: 6 }, sequenceLength: 4, seed: 5 });
    const schedule = createBatchSchedule({ batchSize: 6, ramp: { start: 2, increment: 2, samples: 10 } });
    const batches = createCausalBatches({ samples, schedule, sequenceLength: 4, resetAttention: true });
    for (const step of [7, 0, 3, 1]) {
      const whole = batches.at(step);
      expect(batches.at(step)).toEqual(whole);
      const parts = [0, 1].map((rank) => batches.at(step, { rank, ranks: 2 }));
      expect(parts.map(({ batchSize }) => batchSize)).toEqual([whole.batchSize / 2, whole.batchSize / 2]);
      for (const field of ["tokens", "labels", "positions", "keyStart"] as const)
        expect(parts.flatMap((part) => [...part[field]!])).toEqual([...whole[field]!]);
    }
    expect(() => batches.at(9, { rank: 0, ranks: 4 })).toThrow(/step 9 has 6 samples, which 4 ranks cannot share/);
    dataset.close();
  });
});

describe("evaluation batches", () => {
  const lengths = [5, 1, 12, 3, 8];
  const dataset = writeDataset("evaluation", lengths);
  const stream = new Int32Array(dataset.tokens);
  dataset.readStream(0, stream);

  /** Every counted label with the tokens before it in its row. */
  function scored(batches: CausalBatch[]): { context: number[]; label: number }[] {
    return batches.flatMap(({ batchSize, sequenceLength, tokens, labels }) =>
      Array.from({ length: batchSize * sequenceLength }, (_, i) => i).flatMap((i) => {
        if (labels[i] === IGNORED_LABEL) return [];
        const row = Math.floor(i / sequenceLength) * sequenceLength;
        return [{ context: [...tokens.subarray(row, i + 1)], label: labels[i]! }];
      }),
    );
  }

  it("predict every token once, from the tokens before it", () => {
    const settings = fc.record({
      sequenceLength: fc.integer({ min: 1, max: 40 }),
      overlap: fc.nat(39),
      batchSize: fc.integer({ min: 1, max: 5 }),
      ranks: fc.integer({ min: 1, max: 3 }),
      start: fc.nat(4),
      context: fc.boolean(),
    });
    fc.assert(
      fc.property(settings, ({ sequenceLength, overlap, batchSize, ranks, start, context }) => {
        const stride = Math.max(1, sequenceLength - overlap);
        const documents = { start, end: 5 };
        const contextToken = context ? 60_000 : undefined;
        const first = dataset.startOf(start);
        const expected = [...(context ? [60_000] : []), ...stream.subarray(first)];
        const options = { dataset, documents, sequenceLength, batchSize, stride, contextToken };
        const evaluation = createCausalEvaluationBatches(options);
        const parts = Array.from({ length: evaluation.length }, (_, i) =>
          Array.from({ length: ranks }, (_, rank) => evaluation.at(i, { rank, ranks })),
        ).flat();
        const found = scored(parts);
        const lastBatch = parts.slice(-ranks);
        expect(lastBatch.some(({ labels }) => labels.some((label) => label !== IGNORED_LABEL))).toBe(true);
        expect(found.map(({ label }) => label)).toEqual(expected.slice(1));
        expect(evaluation.scoredTokens).toBe(expected.length - 1);
        found.forEach(({ context: before }, i) => {
          expect(before).toEqual(expected.slice(i + 1 - before.length, i + 1));
          if (i >= sequenceLength) expect(before.length).toBeGreaterThan(sequenceLength - stride);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("may keep documents apart", () => {
    const evaluation = createCausalEvaluationBatches({
      dataset,
      documents: { start: 0, end: 5 },
      sequenceLength: 7,
      batchSize: 9,
      contextToken: 0,
      resetPositions: true,
      resetAttention: true,
      maskEndOfDocumentLoss: true,
    });
    const { tokens, labels, positions, keyStart } = evaluation.at(0);
    const starts = [1, 6, 7, 19, 22].map((position) => [Math.floor(position / 7), position % 7]);
    for (const [row, column] of starts) {
      expect(positions![row! * 7 + column!]).toBe(0);
      expect(keyStart![row! * 7 + column!]).toBe(column);
    }
    for (let t = 0; t < dataset.tokens; t++) expect(labels[t] === IGNORED_LABEL).toBe(tokens[t] === 0);
  });

  it("refuse documents without a token to predict, and invalid strides", () => {
    const options = { dataset, sequenceLength: 4, batchSize: 2 };
    expect(() => createCausalEvaluationBatches({ ...options, documents: { start: 2, end: 2 } })).toThrow(
      /no token to predict/,
    );
    expect(() => createCausalEvaluationBatches({ ...options, documents: { start: 1, end: 2 } })).toThrow(
      /no token to predict/,
    );
    expect(() => createCausalEvaluationBatches({ ...options, documents: { start: 0, end: 5 }, stride: 5 })).toThrow(
      /stride .* 4, got 5/,
    );
    expect(() => createCausalEvaluationBatches({ ...options, documents: { start: 0, end: 5 } }).at(4)).toThrow(
      RangeError,
    );
  });
});
