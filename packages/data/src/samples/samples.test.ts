import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../indexed/writer.ts";
import { goldenValues, temporaryDirectory } from "../testing/directory.ts";
import { blend } from "./blend.ts";
import { createPackedSamples } from "./packed-samples.ts";
import { buildPackedIndex, buildSampleIndex } from "./sample-index.ts";
import type { SampleSource } from "./source.ts";

const path = temporaryDirectory();
const { sampleIndices, epochs, blends } = goldenValues();

/** A dataset whose tokens are all different: document d has tokens 1000 d, 1000 d + 1, ... */
function distinctDataset(lengths: readonly number[]) {
  const writer = createIndexedDatasetWriter(path("distinct"), { type: "i32" });
  for (const [d, length] of lengths.entries()) writer.addDocument(Array.from({ length }, (_, i) => 1000 * d + i));
  writer.finish();
  return openIndexedDataset(path("distinct"));
}

describe("the sample index", () => {
  it("is Megatron's", () => {
    for (const { lengths, documents, sequenceLength, samples } of sampleIndices) {
      const index = buildSampleIndex(Int32Array.from(lengths), Uint32Array.from(documents), { sequenceLength });
      expect([...index]).toEqual(samples);
    }
  });

  it("takes as many epochs as Megatron, and shuffles the last one separately when Megatron does", () => {
    for (const { lengths, sequenceLength, requested, epochs: expected, samples, lastEpochFrom } of epochs) {
      const sequences = { start: 0, end: lengths.length };
      const options = { lengths: Int32Array.from(lengths), sequences, sequenceLength, seed: 1, samples: requested };
      const { documents, shuffle } = buildPackedIndex(options);
      expect(documents.length).toBe(expected * lengths.length);
      expect(shuffle.length).toBe(samples);
      expect([...shuffle].sort((a, b) => a - b)).toEqual(Array.from({ length: samples }, (_, i) => i));
      const cut =
        expected > 1 ? Math.floor(((expected - 1) * lengths.reduce((a, b) => a + b) - 1) / sequenceLength) : 0;
      const apart = cut > 0 && shuffle.subarray(0, cut).every((sample) => sample < cut);
      expect(apart ? cut : null).toBe(lastEpochFrom);
    }
  });
});

describe("packed samples", () => {
  const lengths = [5, 1, 9, 3, 14, 2, 7];
  const total = lengths.reduce((a, b) => a + b);
  const dataset = distinctDataset(lengths);
  const documents = { start: 0, end: lengths.length };

  it("have every token of an epoch once, in document order, and mark where documents start", () => {
    const source = createPackedSamples({ dataset, documents, sequenceLength: 5, seed: 3, samples: 8 });
    expect(source.length).toBe(Math.floor((total - 1) / 5));
    const seen = new Set<number>();
    for (let i = 0; i < source.length; i++) {
      const { tokens, documentStarts } = source.at(i);
      expect(tokens.length).toBe(6);
      for (let t = 0; t < 5; t++) {
        expect(seen.has(tokens[t]!)).toBe(false);
        seen.add(tokens[t]!);
      }
      for (let t = 1; t < 6; t++) {
        const starts = tokens[t]! % 1000 === 0;
        expect([...documentStarts].includes(t)).toBe(starts);
        if (!starts) expect(tokens[t]).toBe(tokens[t - 1]! + 1);
      }
    }
    expect(seen.size).toBe(5 * source.length);
  });

  it("come from the given documents only", () => {
    const source = createPackedSamples({ dataset, documents: { start: 2, end: 4 }, sequenceLength: 4, seed: 1 });
    for (let i = 0; i < 50; i++)
      for (const token of source.at(i).tokens) expect([2, 3]).toContain(Math.floor(token / 1000));
  });

  it("are a function of seed and number", () => {
    const options = { dataset, documents, sequenceLength: 4 };
    for (const samples of [undefined, 40]) {
      const take = (seed: number, order: number[]) => {
        const source = createPackedSamples({ ...options, seed, samples });
        return new Map(order.map((i) => [i, source.at(i)]));
      };
      const forward = take(1, [0, 1, 2, 17, 30, 39]);
      const backward = take(1, [39, 30, 17, 2, 1, 0]);
      for (const [i, sample] of forward) expect(backward.get(i)).toEqual(sample);
      expect([...take(2, [0, 1, 2, 17]).values()]).not.toEqual([...take(1, [0, 1, 2, 17]).values()]);
    }
  });

  it("are endless: each epoch has every token once, in another order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 1000 }), (sequenceLength, seed) => {
        const source = createPackedSamples({ dataset, documents, sequenceLength, seed });
        expect(source.length).toBe(Number.POSITIVE_INFINITY);
        // Put samples back in the stream's order by their overlap: together they hold 4 epochs.
        const count = Math.ceil((4 * total) / sequenceLength);
        const uses = new Map<number, number>();
        for (let i = 0; i < count; i++)
          for (const token of source.at(i).tokens.subarray(0, sequenceLength))
            uses.set(token, (uses.get(token) ?? 0) + 1);
        expect(uses.size).toBe(total);
        let extra = 0;
        for (const times of uses.values()) {
          expect(times).toBeGreaterThanOrEqual(4);
          extra += times - 4;
        }
        expect(extra).toBe(count * sequenceLength - 4 * total);
      }),
      { numRuns: 60 },
    );
  });

  it("do not depend on how many follow", () => {
    const endless = createPackedSamples({ dataset, documents, sequenceLength: 6, seed: 9 });
    const first = Array.from({ length: 30 }, (_, i) => endless.at(i));
    endless.at(500);
    expect(Array.from({ length: 30 }, (_, i) => endless.at(i))).toEqual(first);
  });

  it("need enough tokens", () => {
    const options = { dataset, sequenceLength: 4, seed: 1 };
    expect(() => createPackedSamples({ ...options, documents: { start: 1, end: 2 } })).toThrow(
      /documents 1 to 2 have 1 tokens/,
    );
    expect(() => createPackedSamples({ ...options, documents, samples: 3 }).at(99)).toThrow(RangeError);
  });
});

describe("a blend", () => {
  const numbers = (name: number, length = Number.POSITIVE_INFINITY): SampleSource<[number, number]> => ({
    length,
    at: (i) => [name, i],
  });

  it("draws as Megatron draws", () => {
    for (const { weights, sources, samples } of blends) {
      const blended = blend(
        weights.map((weight, name) => ({ source: numbers(name), weight })),
        { samples: sources.length },
      );
      expect(blended.length).toBe(sources.length);
      const drawn = sources.map((_, i) => blended.at(i));
      expect(drawn.map(([name]) => name)).toEqual(sources);
      expect(drawn.map(([, sample]) => sample)).toEqual(samples);
    }
  });

  it("is the same in any order of access", () => {
    const entries = [3, 1, 2.5].map((weight, name) => ({ source: numbers(name), weight }));
    const far = blend(entries).at(1_000_003);
    const near = blend(entries);
    near.at(5);
    expect(near.at(1_000_003)).toEqual(far);
    expect(far[1]).toBeGreaterThan(150_000);
  });

  it("stays within one sample of its weights", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const blended = blend(weights.map((weight, name) => ({ source: numbers(name), weight })));
        const counts = weights.map(() => 0);
        const sum = weights.reduce((a, b) => a + b);
        for (let i = 0; i < 400; i++) counts[blended.at(i)[0]]!++;
        counts.forEach((count, i) => {
          expect(Math.abs(count - (400 * weights[i]!) / sum)).toBeLessThan(weights.length);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("ends where a source runs out", () => {
    const entries = [
      { source: numbers(0, 100), weight: 3 },
      { source: numbers(1, 10), weight: 1 },
    ];
    expect(() => blend(entries, { samples: 50 })).toThrow(
      /a blend of 50 samples takes 1[23] from its source 1, which has 10/,
    );
    const blended = blend(entries);
    expect(blend(entries, { samples: blended.length }).length).toBe(blended.length);
    expect(() => blend(entries, { samples: blended.length + 1 })).toThrow(/its source 1/);
    expect(() => blended.at(blended.length)).toThrow(RangeError);
    expect(() => blend([])).toThrow(/blend/);
    expect(() => blend([{ source: numbers(0), weight: 0 }])).toThrow(/weights, got 0/);
  });
});
