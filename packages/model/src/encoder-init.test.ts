import { start } from "@megatron-ts/engine";
import { fromSeed } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createModel,
  encoderDecoderConfigSchema,
  encoderInitSource,
  familyOf,
  type ModelConfig,
  type ModelConfigInput,
  modelConfigSchema,
  type Predictors,
} from "./index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shared = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 20, initializerRange: 0.3 };
const encoders: Record<string, ModelConfigInput> = {
  bert: { ...shared, family: "bert", maxPositions: 9 },
  "megatron-bert": { ...shared, family: "bert", maxPositions: 9, normPlacement: "pre", activation: "gelu-tanh" },
  roberta: {
    ...shared,
    family: "bert",
    maxPositions: 11,
    paddingToken: 1,
    numTokenTypes: 1,
    heads: { pooler: false, languageModel: true, pair: false },
  },
  xlnet: { ...shared, family: "xlnet" },
};
const [tokens, lengths] = [
  [
    [2, 3, 4, 5, 6, 7],
    [8, 9, 10, 11, 1, 1],
  ],
  [6, 4],
];
const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");

/** The encoder and the model that was started from it, whose other weights are fresh. */
function started(name: string) {
  const parsed: ModelConfig = modelConfigSchema.parse(encoders[name]);
  const encoder = createModel(parsed, { weights: { seed: 1 } });
  const { config: input, weights } = familyOf(parsed).encoderInit!(parsed, {});
  const config = encoderDecoderConfigSchema.parse(input);
  const used = new Set<string>();
  const source = encoderInitSource(weights, {
    encoder: ({ name: wanted, globalShape }) => {
      const { tensor } = encoder.parameters.get(wanted)!;
      expect([wanted, tensor.shape]).toEqual([wanted, globalShape]);
      used.add(wanted);
      return tf.keep(tensor.clone());
    },
    fresh: fromSeed(2),
  });
  return { encoder, config, weights, used, model: createModel(config, { weights: { source } }) };
}

const largestGap = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];
/** The states of tokens that are not padding. */
const real = (states: tf.Tensor) =>
  tf.concat([states.slice([0, 0, 0], [1, 6, -1]), states.slice([1, 0, 0], [1, 4, -1])], 1);

describe.each(Object.keys(encoders))("an encoder-decoder from %s", (name) => {
  it("encodes like the encoder, and initializes all weights but cross-attention", () => {
    const { encoder, model, weights, used } = started(name);
    const tokenTypes = name === "roberta" ? undefined : ids(tokens.map((row) => row.map((_, i) => (i < 3 ? 0 : 1))));
    const input = { tokens: ids(tokens), tokenTypes, lengths };
    const { masked, permutation } = encoder.predictors as Predictors;
    const expected = (masked ?? permutation!).forward(input).hidden;
    expect(largestGap(real(model.encode(input).hidden), real(expected))).toBeLessThan(1e-5);
    const fresh = [...model.parameters.keys()].filter((own) => !weights.has(own));
    expect(fresh.filter((own) => !/^decoder\.layers\.\d\.crossAttention/.test(own))).toEqual([]);
    expect(fresh.length).toBe(2 * 10);
    // What no encoder-decoder has a place for.
    const left = [...encoder.parameters.keys()].filter((own) => !used.has(own));
    const expectedLeft = { xlnet: ["maskEmbedding.weight", "head.bias"] }[name] ?? [];
    expect(left).toEqual(expectedLeft);
    expect([...weights.keys()].filter((own) => !model.parameters.has(own))).toEqual([]);
  });

  it("has a configuration in plain JSON, as checkpoints store it", () => {
    const { config } = started(name);
    expect(JSON.parse(JSON.stringify(config))).toStrictEqual(config);
  });

  it("decodes with a cache as in one forward", () => {
    const { model } = started(name);
    const memory = model.encode({ tokens: ids(tokens), lengths }).hidden;
    const target = [
      [12, 13, 14, 15, 16],
      [17, 18, 19, 2, 3],
    ];
    const whole = model.forward({ tokens: ids(target), memory, memoryLengths: lengths }).hidden;
    const changed = target.map((row) => row.map((token, i) => (i === 3 ? 5 : token)));
    const other = model.forward({ tokens: ids(changed), memory, memoryLengths: lengths }).hidden;
    const moved = (tf.max(tf.abs(tf.sub(whole, other)), [0, 2]).arraySync() as number[]).map((gap) => gap > 0);
    expect(moved).toEqual([false, false, false, true, true]);
    const cache = model.createCache({ batchSize: 2, capacity: 7 });
    const fed = [0, 0];
    for (const counts of [
      [3, 2],
      [1, 1],
      [1, 1],
    ]) {
      const width = Math.max(...counts);
      const rows = target.map((row, r) => [...row, 0].slice(fed[r], fed[r]! + width));
      const states = model.forward({ tokens: ids(rows), memory, memoryLengths: lengths }, { cache }).hidden;
      counts.forEach((count, row) => {
        const expected = whole.slice([row, fed[row]!, 0], [1, count, -1]);
        expect(largestGap(states.slice([row, 0, 0], [1, count, -1]), expected)).toBeLessThan(1e-5);
        fed[row] = fed[row]! + count;
      });
      cache.advance(counts);
    }
    cache.dispose();
  });
});

it("starts from encoders only", () => {
  for (const family of ["gpt", "t5", "encoder-decoder"]) expect(familyOf({ family }).encoderInit).toBeUndefined();
});
