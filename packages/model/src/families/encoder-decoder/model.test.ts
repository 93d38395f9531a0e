import { start } from "@megatron-ts/engine";
import { vjp } from "@megatron-ts/ops";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createModel } from "../../index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const config = {
  family: "encoder-decoder",
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 20,
  maxPositions: 12,
} as const;
type Fields = Partial<Parameters<typeof createModel>[0] & { family: "encoder-decoder" }>;
/** Larger weights than a fresh model's, so that who sees whom shows in the values. */
const build = (fields: Fields = {}) =>
  createModel({ ...config, initializerRange: 0.3, ...fields }, { weights: { seed: 1 } });
const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");

const source = [
  [1, 2, 3, 4, 5, 6],
  [7, 8, 9, 10, 0, 0],
];
const lengths = [6, 4];
const target = [
  [11, 12, 13, 14, 15, 16, 17],
  [18, 19, 11, 13, 15, 17, 19],
];

/** Largest difference of two tensors at each place of each row. [B, T, h] -> [B][T] */
const differences = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b)), -1).arraySync() as number[][];

describe("encoder-decoder", () => {
  it.each([
    ["Megatron's blocks", {}],
    ["BERT's blocks, token types and a pair head", { normPlacement: "post", numTokenTypes: 2, pairHead: true }],
  ] as [string, Fields][])("%s: every weight gets a gradient", (_name, fields) => {
    const model = build(fields);
    const parameters = [...model.parameters.values()];
    const { outputs, pullback } = vjp(
      () => {
        const memory = model.encode({ tokens: ids(source), lengths }).hidden;
        const states = model.forward({ tokens: ids(target), memory, memoryLengths: lengths }).hidden;
        const pair = fields.pairHead
          ? [model.predictors.masked.pairLogits(model.predictors.masked.pooled(memory))]
          : [];
        return [model.logits(states), ...pair];
      },
      [],
      { parameters: parameters.map(({ tensor }) => tensor) },
    );
    const cotangents = outputs.map(({ shape }, i) => tf.randomNormal(shape, 0, 1, "float32", i));
    const gradients = pullback(cotangents).parameters;
    expect(parameters.filter((_, i) => gradients[i] === null).map(({ name }) => name)).toEqual([]);
  });

  it("decodes with a cache as in one forward, also rows of different lengths, and computes the memory's keys once", () => {
    for (const attentionWindow of [null, 3]) {
      const model = build({ attentionWindow });
      const memory = model.encode({ tokens: ids(source), lengths }).hidden;
      const whole = model.forward({ tokens: ids(target), memory, memoryLengths: lengths }).hidden;
      const cache = model.createCache({ batchSize: 2, capacity: 7 });
      // Three tokens of the first row and two of the second, whose third is padding; then one by one.
      const fed = [0, 0];
      for (const counts of [[3, 2], ...Array(4).fill([1, 1])]) {
        const width = Math.max(...counts);
        const rows = target.map((row, r) => [...row, 0, 0].slice(fed[r], fed[r]! + width));
        const states = model.forward({ tokens: ids(rows), memory, memoryLengths: lengths }, { cache }).hidden;
        counts.forEach((count: number, row: number) => {
          for (let i = 0; i < count; i++) {
            const at = [row, fed[row]! + i, 0];
            const gap = tf.max(tf.abs(tf.sub(states.slice([row, i, 0], [1, 1, -1]), whole.slice(at, [1, 1, -1]))));
            expect(gap.dataSync()[0]).toBeLessThan(1e-5);
          }
          fed[row] = fed[row]! + count;
        });
        cache.advance(counts);
        expect(cache.memory.size).toBe(4);
      }
      expect(fed).toEqual([7, 6]);
      cache.dispose();
    }
  });

  it("a window covers half on each side in the encoder, and only earlier tokens in the decoder", () => {
    const [length, window] = [9, 4];
    const model = build({ numLayers: 1, attentionWindow: window });
    const row = (at?: number) => [Array.from({ length }, (_, i) => (i === at ? 19 : i + 1))];
    const memory = tf.zeros([1, 1, 16]);
    for (const [name, run, sees] of [
      [
        "encode",
        (tokens: tf.Tensor) => model.encode({ tokens }).hidden,
        (t: number, s: number) => Math.abs(t - s) <= 2,
      ],
      [
        "hidden",
        (tokens: tf.Tensor) => model.forward({ tokens, memory }).hidden,
        (t: number, s: number) => s <= t && t - s < window,
      ],
    ] as const) {
      const plain = run(ids(row()));
      for (let changed = 0; changed < length; changed++) {
        const moved = differences(run(ids(row(changed))), plain)[0]!.map((difference) => difference > 0);
        const expected = Array.from({ length }, (_, t) => sees(t, changed));
        expect([name, changed, moved]).toEqual([name, changed, expected]);
      }
    }
  });

  it("a window as wide as the text changes nothing", () => {
    const [dense, windowed] = [build(), build({ attentionWindow: 14 })];
    const states = [dense, windowed].map((model) => {
      const memory = model.encode({ tokens: ids(source), lengths }).hidden;
      return [memory, model.forward({ tokens: ids(target), memory, memoryLengths: lengths }).hidden] as const;
    });
    for (const i of [0, 1] as const) expect(states[1]![i].dataSync()).toEqual(states[0]![i].dataSync());
  });

  it("can be observed by the names of both stacks", () => {
    const model = build({ numLayers: 1 });
    const seen: string[] = [];
    const observe = (name: string) => void seen.push(name);
    model.forward(
      { tokens: ids(target), memory: model.encode({ tokens: ids(source) }, { observe }).hidden },
      { observe },
    ).hidden;
    expect(seen).toEqual([
      "encoder.embedding",
      "encoder.layers.0.attention.probabilities",
      "encoder.layers.0.feedForward.neurons",
      "encoder.layers.0.output",
      "encoder.finalNorm",
      "decoder.embedding",
      "decoder.layers.0.attention.probabilities",
      "decoder.layers.0.crossAttention.probabilities",
      "decoder.layers.0.feedForward.neurons",
      "decoder.layers.0.output",
      "decoder.finalNorm",
    ]);
  });

  it("drops differently in the two stacks, by step and by index in the global batch", () => {
    const model = build({ dropout: 0.3, attentionDropout: 0.3 });
    const run = (step: number, row: number, count: number) =>
      tf.tidy(() => {
        const random = { key: hashKey(1, step), firstRow: row, globalRows: 2 };
        const tokens = ids(target.slice(row, row + count));
        const memory = model.encode({ tokens }, { random }).hidden;
        return [memory, model.forward({ tokens, memory: tf.zerosLike(memory) }, { random }).hidden].map((x) =>
          x.dataSync(),
        );
      });
    const whole = run(1, 0, 2);
    const [first, second] = [run(1, 0, 1), run(1, 1, 1)];
    for (const i of [0, 1]) expect(Float32Array.from([...first[i]!, ...second[i]!])).toEqual(whole[i]);
    expect(run(2, 0, 2)[0]).not.toEqual(whole[0]);
    const dropped = (name: string) => {
      let values: ArrayLike<number> = [];
      const observe = (seen: string, tensor: tf.Tensor) => {
        if (seen === `${name}.embedding`) values = tensor.dataSync();
      };
      const options = { random: { key: hashKey(1, 1), firstRow: 0, globalRows: 2 }, observe };
      model.forward({ tokens: ids(target), memory: model.encode({ tokens: ids(target) }, options).hidden }, options)
        .hidden;
      return Array.from(values, (value) => value === 0);
    };
    expect(dropped("encoder")).not.toEqual(dropped("decoder"));
  });

  it("names the part that is missing", () => {
    expect(() => build().predictors.masked.pooled(tf.zeros([1, 2, 16]))).toThrow("pairHead");
    expect(() => build().encode({ tokens: tf.zeros([1, 13], "int32") }).hidden).toThrow("13 tokens do not fit");
  });

  it("leaks no tensors", () => {
    const model = build({ attentionWindow: 4 });
    const inputs = { tokens: ids(target), permutationMask: tf.zeros([2, 7, 7]), targets: ids([[1], [2]]) };
    const before = tf.memory().numTensors;
    const cache = model.createCache({ batchSize: 2, capacity: 7 });
    const memory = model.encode(inputs).hidden;
    model.forward({ ...inputs, memory }, { cache }).hidden.dispose();
    const { hidden: content, query } = model.predictors.permutation.forward({ ...inputs, source: inputs });
    tf.dispose([memory, content, query]);
    cache.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("predictors.permutation", () => {
  /** From an order of the positions: what comes later, and a position itself, is masked. */
  const maskBy = (order: number[]) => {
    const rank = order.map((_, place) => order.indexOf(place));
    return tf.tensor3d([rank.map((own) => rank.map((other) => (other >= own ? 1 : 0)))]);
  };
  const length = 7;
  const source = () => ({ tokens: ids([[3, 9, 4]]) });
  const everywhere = Array.from({ length }, (_, i) => i);

  it("the content stream under the identity permutation equals the causal decoder", () => {
    const model = build();
    const tokens = ids([target[0]!]);
    const input = { tokens, source: source(), permutationMask: maskBy(everywhere), targets: ids([[3]]) };
    const causal = model.forward({ tokens, memory: model.encode(source()).hidden }).hidden;
    const gaps = differences(model.predictors.permutation.forward(input).hidden, causal)[0]!;
    expect(Math.max(...gaps)).toBeLessThan(1e-5);
  });

  it.each([null, 4])(
    "a stream sees what comes before it in the order, and a target never itself (window %s)",
    (window) => {
      const model = build({ numLayers: 1, attentionWindow: window });
      const order = [4, 0, 6, 2, 1, 5, 3];
      const rank = order.map((_, place) => order.indexOf(place));
      const near = (a: number, b: number) => window === null || Math.abs(a - b) <= window / 2;
      const run = (tokens: number[]) =>
        model.predictors.permutation.forward({
          tokens: ids([tokens]),
          source: source(),
          permutationMask: maskBy(order),
          targets: ids([everywhere]),
        });
      const plain = run(target[0]!);
      for (let changed = 0; changed < length; changed++) {
        const moved = run(target[0]!.map((token, i) => (i === changed ? 1 : token)));
        const [content, query] = (["hidden", "query"] as const).map((stream) =>
          differences(moved[stream]!, plain[stream]!)[0]!.map((difference) => difference > 0),
        );
        const sees = (at: number) => rank[changed]! < rank[at]! && near(at, changed);
        expect(content).toEqual(everywhere.map((at) => at === changed || sees(at)));
        expect(query).toEqual(everywhere.map(sees));
      }
    },
  );

  it("a query never sees itself, whatever the mask, and starts from its position", () => {
    const model = build({ numLayers: 1 });
    const open = { source: source(), permutationMask: tf.zeros([1, length, length]), targets: ids([[2, 5]]) };
    const query = (tokens: number[]) => model.predictors.permutation.forward({ ...open, tokens: ids([tokens]) }).query!;
    const changed = target[0]!.map((token, i) => (i === 2 ? 1 : token));
    const [atTwo, atFive] = differences(query(changed), query(target[0]!))[0]!;
    expect(atTwo).toBe(0);
    expect(atFive).toBeGreaterThan(0);
    const seen: tf.Tensor[] = [];
    model.predictors.permutation.forward(
      { ...open, tokens: ids([target[0]!]) },
      { observe: (name, tensor) => name === "decoder.embedding" && seen.push(tf.keep(tf.clone(tensor))) },
    );
    const table = model.parameters.get("positionEmbedding.weight")!.tensor;
    expect(seen[0]!.slice([0, length, 0]).dataSync()).toEqual(tf.gather(table, [2, 5]).dataSync());
  });

  it("has the same gradients with recomputation, for every weight", () => {
    const model = build();
    const parameters = [...model.parameters.values()];
    const gradients = (["none", "full"] as const).map((recompute) => {
      const { outputs, pullback } = vjp(
        () => {
          const input = { tokens: ids([target[0]!]), source: source(), targets: ids([[1, 4, 6]]) };
          return model.predictors.permutation.forward(
            { ...input, permutationMask: maskBy([4, 0, 6, 2, 1, 5, 3]) },
            { recompute },
          ).query!;
        },
        [],
        { parameters: parameters.map(({ tensor }) => tensor) },
      );
      const cotangent = tf.randomNormal(outputs[0]!.shape, 0, 1, "float32", 1);
      return pullback([cotangent]).parameters.map((gradient) => gradient?.dataSync());
    });
    expect(gradients[0]!.every((gradient) => gradient !== undefined)).toBe(true);
    // Recomputation adds the two stacks' gradients of the shared embeddings in another order.
    const largest = Math.max(...gradients[0]!.flatMap((values) => [...values!.map(Math.abs)]));
    gradients[0]!.forEach((expected, i) => {
      const gap = Math.max(...expected!.map((value, j) => Math.abs(value - gradients[1]![i]![j]!)));
      expect(gap).toBeLessThanOrEqual(1e-6 * largest);
    });
  });
});
