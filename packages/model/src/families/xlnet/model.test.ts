import { start } from "@megatron-ts/engine";
import { vjp } from "@megatron-ts/ops";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { countModelParameters, createModel, presets } from "../../index.ts";
import { relativeShift } from "../../layers/relative-distances.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const config = {
  family: "xlnet",
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 20,
} as const;
/** Larger weights than a fresh model's, so that who sees whom shows in the values. */
const build = (fields: object = {}) =>
  createModel({ ...config, initializerRange: 0.3, ...fields }, { weights: { seed: 1 } });
const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");
const text = [3, 1, 4, 15, 9, 2, 6];
const everywhere = text.map((_, i) => i);
const largestPerToken = (a: tf.Tensor, b: tf.Tensor) =>
  (tf.max(tf.abs(tf.sub(a, b)), -1).arraySync() as number[][])[0]!;

describe("relativeShift", () => {
  it("moves row i's score of the distance i - j to key j", () => {
    const [tokens, keys] = [3, 5];
    // The score at place p stands for the distance keys - p; the tokens are the last of the keys.
    const row = Array.from({ length: keys + tokens }, (_, p) => keys - p);
    const scores = tf.tensor4d([[Array(tokens).fill(row), Array(tokens).fill(row.map((distance) => 100 + distance))]]);
    const shifted = relativeShift(scores, { keys }).arraySync() as number[][][][];
    const distances = (i: number) => Array.from({ length: keys }, (_, j) => keys - tokens + i - j);
    expect(shifted[0]![0]).toEqual([0, 1, 2].map(distances));
    expect(shifted[0]![1]).toEqual([0, 1, 2].map((i) => distances(i).map((distance) => 100 + distance)));
  });
});

describe("xlnet", () => {
  it.each([
    ["xlnet-base", 116_718_336],
    ["xlnet-large", 360_268_800],
  ])("%s has the published size without its head too", (name, parameters) => {
    const { config } = presets[name]!;
    expect(countModelParameters({ ...config, languageModelHead: false } as typeof config)).toBe(parameters);
  });

  it("a stream sees what precedes it in the permutation, and a target never sees itself", () => {
    const model = build({ numLayers: 1 });
    const order = [4, 0, 6, 2, 1, 5, 3];
    const rank = order.map((_, place) => order.indexOf(place));
    for (const open of [false, true]) {
      const blocked = tf.tensor3d([rank.map((own) => rank.map((other) => (!open && other >= own ? 1 : 0)))]);
      const run = (tokens: number[]) =>
        model.forward({ tokens: ids([tokens]), permutationMask: blocked, targets: ids([everywhere]) });
      const plain = run(text);
      for (const changed of everywhere) {
        const moved = run(text.map((token, i) => (i === changed ? 7 : token)));
        const [content, query] = (["hidden", "query"] as const).map((stream) =>
          largestPerToken(moved[stream]!, plain[stream]!).map((difference) => difference > 0),
        );
        const sees = (at: number) => (open ? at !== changed : rank[changed]! < rank[at]!);
        expect(content).toEqual(everywhere.map((at) => at === changed || sees(at)));
        expect(query).toEqual(everywhere.map(sees));
      }
    }
  });

  it("a memory replaces the text before a sequence, in both streams", () => {
    const model = build();
    const [first, second] = [text.slice(0, 4), text.slice(4)];
    const { memory } = model.forward({ tokens: ids([first]) }, { remember: true });
    const behind = model.forward({ tokens: ids([second]), targets: ids([[1]]), memory });
    const later = (i: number, j: number) => (i < 4 && j >= 4 ? 1 : 0);
    const blocked = tf.tensor3d([everywhere.map((i) => everywhere.map((j) => later(i, j)))]);
    const whole = model.forward({ tokens: ids([text]), permutationMask: blocked, targets: ids([[5]]) });
    const gaps = largestPerToken(behind.hidden, whole.hidden.slice([0, 4, 0]));
    expect(Math.max(...gaps, ...largestPerToken(behind.query!, whole.query!))).toBeLessThan(1e-5);
  });

  it("a reversed row equals the row read backwards", () => {
    const model = build();
    const tokenTypes = [0, 0, 1, 1, 1, 1, 2];
    const { hidden: content } = model.forward({ tokens: ids([text]), tokenTypes: ids([tokenTypes]), reversed: [1] });
    const mirrored = model.forward({
      tokens: ids([text.toReversed()]),
      tokenTypes: ids([tokenTypes.toReversed()]),
    });
    expect(Math.max(...largestPerToken(content, tf.reverse(mirrored.hidden, 1)))).toBeLessThan(1e-5);
  });

  it("lengths mask padding on the right", () => {
    const model = build();
    const padded = model.forward({ tokens: ids([[...text, 8, 8]]), lengths: [7] }).hidden;
    const alone = model.forward({ tokens: ids([text]) }).hidden;
    expect(Math.max(...largestPerToken(padded.slice([0, 0, 0], [1, 7, -1]), alone))).toBeLessThan(1e-5);
  });

  it("every weight has a gradient, and those per head no decay", () => {
    const model = build({ task: { kind: "sequence-classification", labels: ["a", "b"] } });
    const parameters = [...model.parameters.values()];
    const { outputs, pullback } = vjp(
      () => {
        const { hidden: content, query } = model.forward({
          tokens: ids([text]),
          tokenTypes: ids([[0, 0, 0, 1, 1, 1, 2]]),
          targets: ids([[2, 5]]),
        });
        return [model.logits(query!), model.taskLogits(content)];
      },
      [],
      { parameters: parameters.map(({ tensor }) => tensor) },
    );
    const cotangents = outputs.map(({ shape }, i) => tf.randomNormal(shape, 0, 1, "float32", i));
    const gradients = pullback(cotangents).parameters;
    expect(parameters.filter((_, i) => gradients[i] === null).map(({ name }) => name)).toEqual([]);
    const decaying = parameters.filter(({ decay }) => decay).map(({ name }) => name);
    expect(decaying.filter((name) => /[bB]ias$|Norm/.test(name))).toEqual([]);
  });

  it("dropout depends on the step and the index in the global batch, not on micro-batches", () => {
    const model = build({ dropout: 0.3, attentionDropout: 0.3 });
    const run = (step: number, row: number, count: number) =>
      tf.tidy(() => {
        const random = { key: hashKey(1, step), firstRow: row, globalRows: 2 };
        const tokens = ids([text, text.toReversed()]).slice([row, 0], [count, 7]);
        const targets = ids([[1], [4]]).slice([row, 0], [count, 1]);
        return model.forward({ tokens, targets, reversed: [0, 0] }, { random }).query!.dataSync();
      });
    const whole = run(1, 0, 2);
    expect(Float32Array.from([...run(1, 0, 1), ...run(1, 1, 1)])).toEqual(whole);
    expect(run(2, 0, 2)).not.toEqual(whole);
  });

  it("names what does not fit", () => {
    const model = build({ languageModelHead: false });
    const tokens = ids([text]);
    expect(() => model.forward({ tokens, memory: [tf.zeros([1, 2, 16])] })).toThrow(
      "a memory of 1 layers was given to a model of 2",
    );
    expect(() => model.logits(tf.zeros([1, 16]))).toThrow("languageModelHead");
    expect(() => model.taskLogits(tf.zeros([1, 1, 16]))).toThrow("task");
    expect(() => build({ hiddenSize: 15, numHeads: 3 })).toThrow("must be even");
  });

  it("leaks no tensors", () => {
    const model = build();
    const input = { tokens: ids([text]), tokenTypes: ids([everywhere]), lengths: [6], targets: ids([[1, 2]]) };
    const before = tf.memory().numTensors;
    const first = model.forward(input, { remember: true });
    expect(tf.memory().numTensors).toBe(before + 4);
    const second = model.forward({ ...input, memory: first.memory });
    expect(tf.memory().numTensors).toBe(before + 6);
    expect(second.memory).toBeUndefined();
    tf.dispose([first.hidden, first.query!, second.hidden, second.query!, ...first.memory!]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
