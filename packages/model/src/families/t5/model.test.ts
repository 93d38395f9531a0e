import { start } from "@megatron-ts/engine";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createModel, relativeBucketOf } from "../../index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const config = { family: "t5", numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 20 } as const;
const build = (fields: object = {}) => createModel({ ...config, ...fields }, { weights: { seed: 1 } });
const tokens = () => tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], "int32");

describe("t5", () => {
  it("drops embeddings, inner and final states, by index in the global batch", () => {
    const model = build({ dropout: 0.5, attentionDropout: 0 });
    const run = (row: number, count: number) =>
      tf.tidy(() => {
        const random = { key: hashKey(1), firstRow: row, globalRows: 2 };
        return model.encode({ tokens: tokens().slice([row, 0], [count, 4]) }, { random }).hidden.dataSync();
      });
    const whole = run(0, 2);
    expect(Float32Array.from([...run(0, 1), ...run(1, 1)])).toEqual(whole);
    const zeros = whole.filter((value) => value === 0).length;
    expect(zeros / whole.length).toBeGreaterThan(0.3);
    expect(zeros / whole.length).toBeLessThan(0.7);
  });

  it("weights equal tokens by the bias of their distance", () => {
    const model = build();
    const table = model.parameters.get("encoder.relativeBias.weight")!.tensor;
    const probabilities: number[][][][][] = [];
    // Scores without content: keys of the same token are told apart by the bias alone.
    const same = tf.fill([1, 4], 3, "int32");
    const observe = (name: string, tensor: tf.Tensor) => {
      if (name.endsWith("probabilities")) probabilities.push(tensor.arraySync() as number[][][][]);
    };
    model.encode({ tokens: same }, { observe }).hidden;
    const bias = table.arraySync() as number[][];
    const buckets = { numBuckets: 32, maxDistance: 128, bidirectional: true };
    for (const head of [0, 1]) {
      const expected = [0, 1, 2, 3].map((key) => Math.exp(bias[relativeBucketOf(key - 1, buckets)]![head]!));
      const total = expected.reduce((sum, value) => sum + value, 0);
      // In the first layer all states are alike; in the second they already differ.
      probabilities[0]![0]![head]![1]!.forEach((value, key) => {
        expect(value).toBeCloseTo(expected[key]! / total, 5);
      });
    }
  });

  it("has a separate head if untied, and the initial deviations of the original", () => {
    const model = build({ tiedEmbeddings: false, hiddenSize: 64, headSize: 8, feedForwardSize: 256 });
    expect(model.parameters.has("head.weight")).toBe(true);
    const deviation = (name: string) => {
      const values = Array.from(model.parameters.get(name)!.tensor.dataSync());
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    };
    for (const [name, expected] of [
      ["tokenEmbedding.weight", 1],
      ["decoder.layers.1.crossAttention.query.weight", (64 * 8) ** -0.5],
      ["decoder.layers.1.crossAttention.key.weight", 64 ** -0.5],
      ["encoder.layers.0.attention.output.weight", 16 ** -0.5],
      ["encoder.layers.0.feedForward.output.weight", 256 ** -0.5],
    ] as const) {
      expect(Math.abs(deviation(name) / expected - 1), name).toBeLessThan(0.1);
    }
  });

  it("leaks no tensors", () => {
    const model = build();
    const input = { tokens: tokens() };
    const before = tf.memory().numTensors;
    const cache = model.createCache({ batchSize: 2, capacity: 4 });
    const memory = model.encode(input).hidden;
    const states = model.forward({ ...input, memory }, { cache }).hidden;
    tf.dispose([memory, states, model.logits(states)]);
    cache.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
