/** Documents that share a row and are kept apart give the losses that each has in a row of its own; a prefix is seen by token. */
import {
  type CausalBatch,
  createBatchSchedule,
  createMaskedBatches,
  createPrefixBatches,
  createSequenceBatches,
  type MaskedBatch,
  type SequenceBatch,
} from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type Model, type ModelConfig, predictorOf } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { maskedObjective } from "./masked/loss.ts";
import { countLabels, type MicroBatch, type Objective } from "./objective.ts";
import { prefixObjective } from "./prefix/loss.ts";
import { sequenceObjective } from "./sequence/loss.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const size = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 40 };
const wide = { ...size, initializerRange: 0.3, maxPositions: 40 };
const create = (config: object) => createModel(config as ModelConfig, { weights: { seed: 1 } });
const lossOf = <Batch extends MicroBatch>(objective: Objective<Batch>, model: Model, batch: Batch) =>
  tf.tidy(() => objective.lossSum(model, batch, {}).dataSync()[0]!);

const schedule = createBatchSchedule({ batchSize: 2 });
/** In the rows of a batch: documents of 5 and 9 tokens, and of 8 and 6; with [CLS] before and [SEP] after them 6, 10, 9 and 7. */
const starts = [5, 8];
const textOf = (row: number, length = 14) => Int32Array.from({ length }, (_, i) => 8 + ((7 * i + 11 * row) % 30));

/** Tokens `from` to `to` of one row of a batch. */
const piece = (values: Int32Array, width: number, [row, from, to]: readonly [number, number, number]) =>
  values.slice(row * width + from, row * width + to);

function expectClose(found: number, expected: number) {
  expect(Math.abs(found - expected) / expected).toBeLessThan(1e-6);
}

describe("masked packed documents", () => {
  const batch = createMaskedBatches({
    samples: {
      length: 2,
      at: (row) => ({ first: textOf(row), documentStarts: Int32Array.of(starts[row]!) }),
    },
    sequenceLength: 16,
    specialTokens: { classification: 2, separator: 3, padding: 1 },
    masking: {
      rate: 0.3,
      unit: "sub-word",
      maxNgram: 1,
      maskToken: 4,
      vocabulary: {
        size: 40,
        special: Uint8Array.from({ length: 40 }, (_, i) => Number(i < 5)),
        continues: new Uint8Array(40),
      },
    },
    seed: 1,
    schedule,
    resetPositions: true,
    resetAttention: true,
  }).at(0);

  const alone = starts.flatMap((second, row): MaskedBatch[] =>
    [[row, 0, second + 1] as const, [row, second + 1, 16] as const].map((at) => {
      const [tokens, labels, tokenTypes] = [batch.tokens, batch.labels, batch.tokenTypes].map((v) => piece(v, 16, at));
      const sequenceLength = tokens!.length;
      const lengths = Int32Array.of(sequenceLength);
      return { batchSize: 1, sequenceLength, tokens: tokens!, labels: labels!, tokenTypes: tokenTypes!, lengths };
    }),
  );

  it.each<[string, object]>([
    ["BERT", { family: "bert", ...wide }],
    ["RoBERTa, whose positions start behind its padding token", { family: "bert", ...wide, paddingToken: 1 }],
    ["BERT with a window", { family: "bert", ...wide, attention: { layout: "local", window: 4 } }],
    ["an encoder", { family: "encoder-decoder", ...wide }],
  ])("of %s are separate documents", (_, config) => {
    const model = create(config);
    expect(alone.reduce((sum, { labels }) => sum + countLabels(labels), 0)).toBe(countLabels(batch.labels));
    const separate = alone.reduce((sum, one) => sum + lossOf(maskedObjective, model, one), 0);
    expectClose(lossOf(maskedObjective, model, batch), separate);
    const { ranges: _ranges, ...joined } = batch;
    expect(Math.abs(lossOf(maskedObjective, model, joined) / separate - 1)).toBeGreaterThan(1e-4);
    // Micro-batches have their own rows' ranges.
    const rows = [0, 1].map((row) => lossOf(maskedObjective, model, maskedObjective.slice(batch, row, row + 1)));
    expectClose(rows[0]! + rows[1]!, separate);
    model.dispose();
  });
});

describe("packed documents of sources and targets", () => {
  /** The documents of both rows, in 8 and 9 and in 6 and 8 tokens of the source, 4 and 3 and 2 and 6 of the target. */
  const lengths = [
    { source: [8, 9], target: [4, 3] },
    { source: [6, 8], target: [2, 6] },
  ];
  const numbers = (parts: number[]) =>
    Int32Array.from(parts.flatMap((length, document) => Array(length).fill(document)));
  const batch = createSequenceBatches({
    samples: {
      length: 2,
      at(row) {
        const documents = { source: numbers(lengths[row]!.source), target: numbers(lengths[row]!.target) };
        const [source, target] = [documents.source, documents.target].map(({ length }, i) =>
          textOf(row + 2 * i, length),
        );
        return { source: source!, target: target!, documents };
      },
    },
    maxSourceLength: 30,
    maxTargetLength: 30,
    decoderStartToken: 1,
    padding: 0,
    schedule,
    resetPositions: true,
    resetAttention: true,
  }).at(0);

  const alone = lengths.flatMap(({ source: [s], target: [t] }, row): SequenceBatch[] =>
    [0, 1].map((document) => {
      const { source, target } = lengths[row]!;
      const [from, into] = document === 0 ? [0, 0] : [s!, t!];
      const places = {
        source: [row, from, from + source[document]!],
        target: [row, into, into + target[document]!],
      } as const;
      return {
        batchSize: 1,
        sourceLength: source[document]!,
        targetLength: target[document]!,
        source: piece(batch.source, batch.sourceLength, places.source),
        sourceLengths: Int32Array.of(source[document]!),
        tokens: piece(batch.tokens, batch.targetLength, places.target),
        labels: piece(batch.labels, batch.targetLength, places.target),
      };
    }),
  );

  it("start with the decoder's start token", () => {
    expect(alone.map(({ tokens }) => tokens[0])).toEqual([1, 1, 1, 1]);
    expect(alone.map(({ labels }) => labels.includes(-100))).toEqual([false, false, false, false]);
  });

  it.each<[string, object]>([
    ["T5", { family: "t5", ...size, initializerFactor: 1.5 }],
    ["an encoder-decoder", { family: "encoder-decoder", ...wide }],
    [
      "an encoder-decoder with windows",
      { family: "encoder-decoder", ...wide, attentionWindow: 4, reservedPositions: 2 },
    ],
  ])("of %s are separate documents", (_, config) => {
    const model = create(config);
    const separate = alone.reduce((sum, one) => sum + lossOf(sequenceObjective, model, one), 0);
    expectClose(lossOf(sequenceObjective, model, batch), separate);
    for (const field of ["sourceRanges", "targetRanges", "memoryRanges"] as const) {
      const joined = lossOf(sequenceObjective, model, { ...batch, [field]: undefined });
      expect(Math.abs(joined / separate - 1), field).toBeGreaterThan(1e-4);
    }
    const rows = [0, 1].map((row) => lossOf(sequenceObjective, model, sequenceObjective.slice(batch, row, row + 1)));
    expectClose(rows[0]! + rows[1]!, separate);
    model.dispose();
  });
});

describe("prefixes", () => {
  const batchOf = (options: object = {}) =>
    createPrefixBatches({
      samples: {
        length: 2,
        at: (row) => ({ tokens: textOf(row, 13), documentStarts: Int32Array.of(starts[row]!) }),
      },
      schedule,
      sequenceLength: 12,
      seed: 2,
      ...options,
    }).at(0);
  const model = () => create({ family: "gpt", ...wide, numLayers: 1 });

  it("are seen from both sides, and what follows them from left to right, by token", () => {
    const batch = batchOf();
    const gpt = model();
    const statesOf = (tokens: Int32Array) =>
      tf.tidy(() => {
        const [ids, , ranges] = prefixObjective
          .byArrays!.arrays({ ...batch, tokens })
          .map(({ values, shape }) => tf.tensor(values, [...shape], "int32"));
        return predictorOf(gpt, "causal").forward({ tokens: ids!, ranges: ranges! }).hidden.arraySync() as number[][][];
      });
    const before = statesOf(batch.tokens);
    for (const row of [0, 1]) {
      for (let changed = 0; changed < 12; changed++) {
        const tokens = batch.tokens.slice();
        tokens[row * 12 + changed] = (tokens[row * 12 + changed]! + 1) % 40;
        const after = statesOf(tokens);
        const moved = after[row]!.map((state, t) => state.some((value, i) => value !== before[row]![t]![i]));
        expect(moved).toEqual(Array.from({ length: 12 }, (_, t) => changed < batch.keyEnd![row * 12 + t]!));
      }
    }
    gpt.dispose();
  });

  it("of packed documents are those of separate ones", () => {
    const batch = batchOf({ resetPositions: true, resetAttention: true, maskEndOfDocumentLoss: true });
    const gpt = model();
    const separate = starts.flatMap((second, row) =>
      [[row, 0, second] as const, [row, second, 12] as const].map((at): CausalBatch => {
        const [tokens, labels] = [batch.tokens, batch.labels].map((values) => piece(values, 12, at));
        const keyEnd = piece(batch.keyEnd!, 12, at).map((end) => end - at[1]);
        return { batchSize: 1, sequenceLength: tokens!.length, tokens: tokens!, labels: labels!, keyEnd };
      }),
    );
    const sum = separate.reduce((total, one) => total + lossOf(prefixObjective, gpt, one), 0);
    expectClose(lossOf(prefixObjective, gpt, batch), sum);
    gpt.dispose();
  });
});
