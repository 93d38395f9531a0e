import { start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { attend, attentionProbabilities, causalRanges, createCache, narrowRanges, paddedRanges } from "./index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

describe("ranges", () => {
  it("causal: each query sees its own and earlier keys, after the cache and from keyStart on", () => {
    expect(causalRanges({ batchSize: 1, tokens: 3 }).arraySync()).toEqual([
      [
        [0, 1],
        [0, 2],
        [0, 3],
      ],
    ]);
    const ranges = causalRanges({ batchSize: 2, tokens: 2, offsets: [0, 5], keyStart: [0, 1, 3, 3] });
    expect(ranges.arraySync()).toEqual([
      [
        [0, 1],
        [1, 2],
      ],
      [
        [3, 6],
        [3, 7],
      ],
    ]);
  });

  it("padded: each query sees its row's keys", () => {
    expect(paddedRanges({ tokens: 2, lengths: [1, 4] }).arraySync()).toEqual([
      [
        [0, 1],
        [0, 1],
      ],
      [
        [0, 4],
        [0, 4],
      ],
    ]);
  });

  it("a causal window includes the query itself, after a cache and within other bounds", () => {
    expect(causalRanges({ batchSize: 1, tokens: 4, window: 2 }).arraySync()).toEqual([
      [
        [0, 1],
        [0, 2],
        [1, 3],
        [2, 4],
      ],
    ]);
    const ranges = causalRanges({ batchSize: 2, tokens: 1, offsets: [1, 5], keyStart: [1, 0], window: 3 });
    expect(ranges.arraySync()).toEqual([[[1, 2]], [[3, 6]]]);
  });

  it("a padded window extends half to either side, and never into the padding", () => {
    const expected = [
      [
        [0, 2],
        [0, 3],
        [1, 3],
        [2, 3],
      ],
    ];
    expect(paddedRanges({ tokens: 4, lengths: [3], window: 2 }).arraySync()).toEqual(expected);
    expect(paddedRanges({ tokens: 4, lengths: [3], window: 3 }).arraySync()).toEqual(expected);
  });

  it("narrowing keeps existing bounds, and leaves a query without keys if they do not overlap", () => {
    const before = tf.memory().numTensors;
    const documents = tf.tensor3d([0, 2, 0, 2, 2, 4, 0, 1], [1, 4, 2], "int32");
    const narrow = narrowRanges(documents, { before: 1, after: 0 });
    expect(narrow.arraySync()).toEqual([
      [
        [0, 1],
        [0, 2],
        [2, 3],
        [2, 1],
      ],
    ]);
    expect(narrow.dtype).toBe("int32");
    tf.dispose([documents, narrow, causalRanges({ batchSize: 1, tokens: 4, window: 2 })]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("attentionProbabilities", () => {
  it("are the softmax of the scaled scores over the visible keys, in float64 by hand", () => {
    const [q, k] = [random([2, 3, 4, 5], 1), random([2, 3, 2, 5], 2)];
    const ranges = causalRanges({ batchSize: 2, tokens: 3, keyStart: [0, 0, 1, 0, 1, 3] });
    const probabilities = attentionProbabilities({ q, k }, { keyRanges: ranges }).arraySync() as number[][][][];
    const [queries, keys] = [q.arraySync(), k.arraySync()] as number[][][][][];
    const bounds = ranges.arraySync();
    for (let b = 0; b < 2; b++) {
      for (let h = 0; h < 4; h++) {
        for (let t = 0; t < 3; t++) {
          const [from, to] = bounds[b]![t]!;
          const score = (s: number) =>
            queries![b]![t]![h]!.reduce((sum, value, d) => sum + value * keys![b]![s]![Math.floor(h / 2)]![d]!, 0) /
            Math.sqrt(5);
          const weights = [0, 1, 2].map((s) => (s >= from! && s < to! ? Math.exp(score(s)) : 0));
          const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
          weights.forEach((weight, s) => {
            expect(probabilities[b]![h]![t]![s]!).toBeCloseTo(weight / total, 5);
          });
        }
      }
    }
  });

  it("are 0 where a bias of -Infinity hides a key, and in a row where it hides all", () => {
    const [q, k] = [random([1, 2, 1, 3], 1), random([1, 2, 1, 3], 2)];
    const infinity = Number.POSITIVE_INFINITY;
    const bias = tf.tensor4d([0.5, -infinity, -infinity, -infinity], [1, 1, 2, 2]);
    const ranges = paddedRanges({ tokens: 2, lengths: [2] });
    expect(attentionProbabilities({ q, k }, { keyRanges: ranges, bias }).arraySync()).toEqual([
      [
        [
          [1, 0],
          [0, 0],
        ],
      ],
    ]);
  });

  it("weigh the values as attend does, with and without a cache", () => {
    const [q, k, v] = [random([1, 4, 2, 3], 1), random([1, 4, 2, 3], 2), random([1, 4, 2, 3], 3)];
    const ranges = causalRanges({ batchSize: 1, tokens: 4 });
    const byHand = (probabilities: tf.Tensor) =>
      tf.transpose(tf.matMul(probabilities, tf.transpose(v, [0, 2, 1, 3])), [0, 2, 1, 3]).dataSync();
    const cache = createCache({ numLayers: 1, batchSize: 1, capacity: 4, numHeads: 2, headSize: 3 });
    for (const layer of [null, cache.layer(0)]) {
      let weighted = new Float32Array(0) as ArrayLike<number>;
      const out = attend(
        { q, k, v },
        { keyRanges: ranges, cache: layer, observe: (probabilities) => (weighted = byHand(probabilities)) },
      );
      out.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(weighted[i]!, 5);
      });
    }
    cache.dispose();
  });
});

describe("a cap on scores", () => {
  const tensors = () => [random([2, 3, 4, 5], 1), random([2, 3, 2, 5], 2), random([2, 3, 2, 5], 3)] as const;
  const keyRanges = () => causalRanges({ batchSize: 2, tokens: 3, window: 2 });

  it("keeps them within it, and changes nothing where it is far away", () => {
    const [q, k, v] = tensors();
    const plain = attend({ q, k, v }, { keyRanges: keyRanges() }).dataSync();
    const far = attend({ q, k, v }, { keyRanges: keyRanges(), cap: 1e4 }).dataSync();
    expectNear(far, plain);
    const scores = tf.mul(
      tf.tanh(tf.div(tf.matMul(byHead(q), repeated(byHead(k)), false, true), Math.sqrt(5) * 0.5)),
      0.5,
    );
    const expected = attend({ q, k, v }, { keyRanges: keyRanges(), scale: 0, bias: scores }).dataSync();
    const near = attend({ q, k, v }, { keyRanges: keyRanges(), cap: 0.5 }).dataSync();
    expectNear(near, expected);
    expect(near).not.toEqual(plain);
  });

  it("decodes with a cache as in one forward, with dropout too", () => {
    const [q, k, v] = tensors();
    const whole = attend({ q, k, v }, { keyRanges: keyRanges(), cap: 0.5 }).dataSync();
    const cache = createCache({ numLayers: 1, batchSize: 2, capacity: 4, numHeads: 2, headSize: 5 });
    const steps = [0, 1, 2].map((t) => {
      const at = (x: tf.Tensor) => tf.slice(x, [0, t, 0, 0], [2, 1, x.shape[2]!, 5]);
      const ranges = causalRanges({ batchSize: 2, tokens: 1, offsets: cache.lengths, window: 2 });
      const out = attend({ q: at(q), k: at(k), v: at(v) }, { keyRanges: ranges, cache: cache.layer(0), cap: 0.5 });
      cache.advance([1, 1]);
      return out;
    });
    expectNear(tf.concat(steps, 1).dataSync(), whole);
    cache.dispose();
    const dropout = { rate: 0.5, key: [1, 2] as const };
    const dropped = attend({ q, k, v }, { keyRanges: keyRanges(), cap: 1e4, dropout }).dataSync();
    const plain = attend({ q, k, v }, { keyRanges: keyRanges(), dropout }).dataSync();
    expectNear(dropped, plain);
  });
});

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  expect(actual.length).toBe(expected.length);
  Array.from(actual).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
}

/** [B, T, H, D] -> [B, H, T, D] */
const byHead = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);
/** Each of two key heads for two query heads. */
const repeated = (x: tf.Tensor) => tf.gather(x, tf.tensor1d([0, 0, 1, 1], "int32"), 1);

describe("createCache", () => {
  const [numLayers, batchSize, numHeads, headSize] = [1, 2, 2, 3];
  const rows = [5, 3];

  it("gives the same results token by token, with rows of different lengths, as whole rows", () => {
    const [q, k, v] = [1, 2, 3].map((seed) => random([batchSize, 5, numHeads, headSize], seed)) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const whole = attend(
      { q, k, v },
      { keyRanges: causalRanges({ batchSize, tokens: 5 }) },
    ).arraySync() as number[][][][];
    const cache = createCache({ numLayers, batchSize, capacity: 6, numHeads, headSize });
    // Two tokens at once, of which the second row's second is padding; then one by one.
    const take = (x: tf.Tensor, at: number, count: number) =>
      tf.slice(x, [0, at, 0, 0], [batchSize, count, numHeads, headSize]);
    const rowOf = (x: tf.Tensor, row: number) => tf.slice(x, [row, 0, 0, 0], [1, -1, numHeads, headSize]);
    const fed = [0, 0];
    for (const counts of [
      [2, 1],
      [1, 1],
      [1, 1],
      [1, 0],
    ]) {
      const width = Math.max(...counts);
      const offsets = cache.lengths.slice();
      const part = (x: tf.Tensor) =>
        tf.concat(
          [0, 1].map((row) =>
            take(
              tf.pad(rowOf(x, row).tile([batchSize, 1, 1, 1]), [
                [0, 0],
                [0, 2],
                [0, 0],
                [0, 0],
              ]),
              fed[row]!,
              width,
            ).slice(0, 1),
          ),
        );
      const out = attend(
        { q: part(q), k: part(k), v: part(v) },
        { keyRanges: causalRanges({ batchSize, tokens: width, offsets }), cache: cache.layer(0) },
      ).arraySync() as number[][][][];
      cache.advance(counts);
      counts.forEach((count, row) => {
        for (let t = 0; t < count; t++) {
          out[row]![t]!.flat().forEach((value, i) => {
            expect(value).toBeCloseTo(whole[row]![fed[row]! + t]!.flat()[i]!, 5);
          });
        }
        fed[row] = fed[row]! + count;
      });
    }
    expect([...cache.lengths]).toEqual(rows);
    cache.dispose();
  });

  it("refuses more tokens than fit, and names the row", () => {
    const cache = createCache({ numLayers, batchSize, capacity: 2, numHeads, headSize });
    cache.advance([0, 1]);
    const two = tf.zeros([batchSize, 2, numHeads, headSize]);
    expect(() => cache.layer(0).append(two, two)).toThrow(/row 1 .* 1 of 2 tokens/);
    cache.dispose();
  });
});
