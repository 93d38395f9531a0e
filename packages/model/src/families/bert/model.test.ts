import { start } from "@megatron-ts/engine";
import { vjp } from "@megatron-ts/ops";
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { countModelParameters, createModel, createModelRecipeSchema, modelConfigSchema, presets } from "../../index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const config = {
  family: "bert",
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 20,
  maxPositions: 8,
  dropout: 0,
  attentionDropout: 0,
} as const;
const noHeads = { pooler: false, languageModel: false, pair: false };
const create = (fields: object = {}) => createModel({ ...config, ...fields }, { weights: { seed: 1 } });
const tokens = () =>
  tf.tensor2d(
    [
      [1, 2, 3, 4],
      [5, 6, 0, 0],
    ],
    [2, 4],
    "int32",
  );

describe("BERT's parameters", () => {
  it.each([
    ["bert-base", { pooler: true, languageModel: false, pair: false }, 109_482_240],
    ["bert-large", { pooler: true, languageModel: false, pair: false }, 335_141_888],
    ["roberta-base", { pooler: true, languageModel: false, pair: false }, 124_645_632],
    ["roberta-large", { pooler: true, languageModel: false, pair: false }, 355_359_744],
  ])("%s without the heads of its pretraining has exactly its published number", (preset, heads, parameters) => {
    const { config: published } = presets[preset]!;
    expect(countModelParameters({ ...published, family: "bert", heads } as never)).toBe(parameters);
  });

  it("have the names of a decoder's, block by block", () => {
    const names = [...create().parameters.keys()];
    const gpt = createModel({ ...config, family: "gpt" }, { weights: { seed: 1 } });
    const blocks = (all: Iterable<string>) => [...all].filter((name) => name.startsWith("layers."));
    expect(blocks(names)).toEqual(blocks(gpt.parameters.keys()));
    expect(names.filter((name) => !name.startsWith("layers."))).toEqual([
      "tokenEmbedding.weight",
      "positionEmbedding.weight",
      "tokenTypeEmbedding.weight",
      "embeddingNorm.weight",
      "embeddingNorm.bias",
      "pooler.weight",
      "pooler.bias",
      "languageModelHead.dense.weight",
      "languageModelHead.dense.bias",
      "languageModelHead.norm.weight",
      "languageModelHead.norm.bias",
      "languageModelHead.bias",
      "pairHead.weight",
      "pairHead.bias",
    ]);
    const megatron = [...create({ normPlacement: "pre", heads: noHeads, numTokenTypes: 0 }).parameters.keys()];
    expect(megatron.filter((name) => !name.startsWith("layers."))).toEqual([
      "tokenEmbedding.weight",
      "positionEmbedding.weight",
      "finalNorm.weight",
      "finalNorm.bias",
    ]);
  });

  it("start truncated at two deviations (BERT), or normal with scaled branch outputs (Megatron)", () => {
    const wide = { hiddenSize: 64, numHeads: 4, numLayers: 8 };
    const deviation = (model: ReturnType<typeof create>, name: string) => {
      const values = [...model.parameters.get(name)!.tensor.dataSync()];
      const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      return { deviation: Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length), most };
    };
    const bert = create(wide);
    for (const name of ["layers.3.attention.query.weight", "layers.3.feedForward.output.weight", "pooler.weight"]) {
      const { deviation: spread, most } = deviation(bert, name);
      expect(most).toBeLessThanOrEqual(0.04);
      // A normal distribution cut at two deviations keeps 0.88 of its deviation.
      expect(spread / 0.02).toBeCloseTo(0.88, 1);
    }
    const megatron = create({ ...wide, normPlacement: "pre" });
    expect(deviation(megatron, "layers.3.attention.query.weight").most).toBeGreaterThan(0.04);
    expect(deviation(megatron, "layers.3.attention.query.weight").deviation / 0.02).toBeCloseTo(1, 1);
    for (const part of ["attention", "feedForward"]) {
      expect(deviation(megatron, `layers.3.${part}.output.weight`).deviation / 0.02).toBeCloseTo(1 / 4, 2);
    }
  });
});

describe("encoder", () => {
  const task = { kind: "sequence-classification", labels: ["bad", "good"] } as const;

  it.each([
    { normPlacement: "post" },
    { normPlacement: "pre" },
    { numTokenTypes: 1, paddingToken: 0 },
    { heads: { ...noHeads, languageModel: true } },
  ])("every weight gets a gradient: %o", (fields) => {
    const model = create({ ...fields, task });
    const { heads } = model.config;
    const parameters = [...model.parameters.values()];
    const { outputs, pullback } = vjp(
      () => {
        const hidden = model.forward({ tokens: tokens(), lengths: [4, 2] }).hidden;
        return [
          model.taskLogits(hidden),
          model.logits(hidden),
          ...(heads.pair ? [model.pairLogits(model.pooled(hidden))] : []),
        ];
      },
      [],
      { parameters: parameters.map(({ tensor }) => tensor) },
    );
    const cotangents = outputs.map(({ shape }, i) => tf.randomNormal(shape, 0, 1, "float32", i + 1));
    const gradients = pullback(cotangents).parameters;
    expect(parameters.filter((_, i) => gradients[i] === null).map(({ name }) => name)).toEqual([]);
  });

  it("never attends to padding, on either side", () => {
    const model = create();
    const hidden = (ids: number[], ranges?: number[], positions?: number[]) =>
      model
        .forward({
          tokens: tf.tensor2d([ids], [1, ids.length], "int32"),
          ranges: ranges && tf.tensor3d([ids.map(() => ranges)], [1, ids.length, 2], "int32"),
          positions: positions && tf.tensor2d([positions], [1, ids.length], "int32"),
        })
        .hidden.arraySync() as number[][][];
    const whole = hidden([5, 6])[0]!;
    const padded = model.forward({ tokens: tf.tensor2d([[5, 6, 9, 9]], [1, 4], "int32"), lengths: [2] }).hidden;
    const right = (padded.arraySync() as number[][][])[0]!.slice(0, 2);
    const left = hidden([9, 9, 5, 6], [2, 4], [0, 0, 0, 1])[0]!.slice(2);
    for (const rows of [right, left]) {
      rows.flat().forEach((value, i) => {
        expect(value).toBeCloseTo(whole.flat()[i]!, 5);
      });
    }
    expect(hidden([5, 6, 9])[0]![0]![0]).not.toBeCloseTo(whole[0]![0]!, 3);
  });

  it("can be observed, and takes input embeddings", () => {
    const model = create({ normPlacement: "pre" });
    const seen: string[] = [];
    const plain = model.forward({ tokens: tokens() }, { observe: (name) => seen.push(name) }).hidden.dataSync();
    expect(seen).toEqual([
      "embedding",
      "layers.0.attention.probabilities",
      "layers.0.feedForward.neurons",
      "layers.0.output",
      "layers.1.attention.probabilities",
      "layers.1.feedForward.neurons",
      "layers.1.output",
      "finalNorm",
    ]);
    const inputEmbeddings = tf.gather(model.parameters.get("tokenEmbedding.weight")!.tensor, tokens());
    expect(model.forward({ tokens: tokens() }, { inputEmbeddings }).hidden.dataSync()).toEqual(plain);
  });

  it("drops by index in the global batch, also when recomputed, and in its task head", () => {
    const model = create({ dropout: 0.3, attentionDropout: 0.3, task, heads: noHeads });
    const run = ([from, to]: [number, number], recompute: "none" | "full" = "none") =>
      tf.tidy(() => {
        const random = { key: hashKey(1, 1), firstRow: from, globalRows: 2 };
        const rows = tokens().slice([from, 0], [to - from, 4]);
        const parameters = [...model.parameters.values()].map(({ tensor }) => tensor);
        const forward = () =>
          model.taskLogits(model.forward({ tokens: rows }, { random, recompute }).hidden, { random });
        const { outputs, pullback } = vjp(forward, [], { parameters });
        const gradient = pullback([tf.onesLike(outputs[0]!)]).parameters[0]!;
        return { logits: outputs[0]!.dataSync(), gradient: gradient.dataSync() };
      });
    const whole = run([0, 2]);
    expect(Float32Array.from([...run([0, 1]).logits, ...run([1, 2]).logits])).toEqual(whole.logits);
    const again = run([0, 2], "full");
    expect(again.logits).toEqual(whole.logits);
    again.gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(whole.gradient[i]!, 6);
    });
    const hidden = model.forward({ tokens: tokens() }).hidden;
    const random = { key: hashKey(1, 1), firstRow: 0, globalRows: 2 };
    expect(model.taskLogits(hidden, { random }).dataSync()).not.toEqual(model.taskLogits(hidden).dataSync());
  });

  it("counts RoBERTa's positions from the padding token", () => {
    const model = create({ paddingToken: 1, numTokenTypes: 1, maxPositions: 6 });
    const ids = tf.tensor2d([[1, 7, 1, 8]], [1, 4], "int32");
    const positions = tf.tensor2d([[1, 2, 1, 3]], [1, 4], "int32");
    expect(model.forward({ tokens: ids }).hidden.dataSync()).toEqual(
      model.forward({ tokens: ids, positions }).hidden.dataSync(),
    );
    expect(() => model.forward({ tokens: tf.fill([1, 5], 7, "int32") }).hidden).toThrow(
      "5 tokens do not fit the model's 4 positions",
    );
  });

  it("names missing parts and impossible heads", () => {
    const model = create({ heads: noHeads });
    const hidden = model.forward({ tokens: tokens() }).hidden;
    expect(() => model.logits(hidden)).toThrow("heads.languageModel is not set");
    expect(() => model.pooled(hidden)).toThrow("heads.pooler is not set");
    expect(() => model.taskLogits(hidden)).toThrow("task is not set");
    const pairAlone = { ...config, heads: { ...noHeads, pair: true } };
    expect(modelConfigSchema.safeParse(pairAlone).error?.issues[0]?.message).toBe("the pair head needs the pooler");
    const recipe = createModelRecipeSchema(modelConfigSchema.parse).parse({ preset: "roberta-base", numLayers: 2 });
    expect(recipe).toMatchObject({ family: "bert", paddingToken: 1, numTokenTypes: 1, numLayers: 2 });
  });

  it("leaks no tensors", () => {
    const model = create({ task });
    const ids = tf.keep(tokens());
    const before = tf.memory().numTensors;
    const hidden = model.forward({ tokens: ids, lengths: [4, 2] }).hidden;
    const pooled = model.pooled(hidden);
    tf.dispose([model.logits(hidden), model.pairLogits(pooled), model.taskLogits(hidden), hidden, pooled]);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before - model.parameters.size);
  });
});
