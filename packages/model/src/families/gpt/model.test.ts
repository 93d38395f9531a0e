import { start } from "@megatron-ts/engine";
import { overwrite, vjp } from "@megatron-ts/ops";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createModel, createModelRecipeSchema, type ModelConfigInput, modelConfigSchema } from "../../index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const config: Extract<ModelConfigInput, { family: "gpt" }> = {
  family: "gpt",
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 20,
  maxPositions: 8,
};
const tokens = () =>
  tf.tensor2d(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    [2, 3],
    "int32",
  );

describe("gpt", () => {
  it.each([true, false])("every weight gets a gradient (tied head: %s)", (tiedEmbeddings) => {
    const model = createModel({ ...config, tiedEmbeddings }, { weights: { seed: 1 } });
    const parameters = [...model.parameters.values()];
    const { outputs, pullback } = vjp(() => model.logits(model.forward({ tokens: tokens() }).hidden), [], {
      parameters: parameters.map(({ tensor }) => tensor),
    });
    const gradients = pullback([tf.randomNormal(outputs[0]!.shape, 0, 1, "float32", 3)]).parameters;
    const silent = parameters.filter((_, i) => gradients[i] === null).map(({ name }) => name);
    expect(silent).toEqual([]);
  });

  /** Each of these alone makes another model. */
  const variants: Partial<typeof config>[] = [
    { queryKeyNorm: true },
    { pairEmbeddings: 7 },
    { tokenShift: true, embeddingScale: 2 },
    { pairEmbeddings: 50, tokenShift: true, positions: "rotary" },
    { logitsCap: 0.5 },
    { attentionCap: 0.01 },
    { attentionScale: 3 },
    { attentionWindow: 2 },
    { attentionSinks: true },
    { attentionSinks: true, attentionWindow: 2 },
    { positions: "alibi" },
    { positions: "alibi", attentionWindow: 2 },
    { attentionWindow: 2, layersWithoutWindow: [1] },
    { embeddingScale: 2 },
    { outputNorms: true },
    { attentionOutputBias: false, attentionBiases: true },
    { zeroCenteredNorms: true },
    { positions: "rotary", rotaryFraction: 0.5 },
    { positions: "rotary", layersWithoutRotary: [0] },
    { positions: "rotary", attentionWindow: 2, windowRotaryTheta: 10 },
    { positions: "rotary", rotaryScaling: { type: "dynamic", factor: 2, originalMaxPositions: 2 } },
  ];

  it.each(variants)("with %o trains every weight, and decodes with a cache as in one forward", (variant) => {
    const model = createModel({ ...config, initializerRange: 0.5, ...variant }, { weights: { seed: 1 } });
    const parameters = [...model.parameters.values()];
    // These start from zeros, with which a model computes what it does without them.
    for (const { name, tensor } of parameters) {
      if (/pairEmbedding|tokenShift/.test(name)) overwrite(tensor, uniforms(hashKey(2, name), tensor.size));
    }
    const { outputs, pullback } = vjp(() => model.logits(model.forward({ tokens: tokens() }).hidden), [], {
      parameters: parameters.map(({ tensor }) => tensor),
    });
    const gradients = pullback([tf.randomNormal(outputs[0]!.shape, 0, 1, "float32", 3)]).parameters;
    expect(parameters.filter((_, i) => gradients[i] === null).map(({ name }) => name)).toEqual([]);
    const plain = createModel({ ...config, initializerRange: 0.5 }, { weights: { seed: 1 } });
    const whole = outputs[0]!.dataSync();
    if (!variant.zeroCenteredNorms && variant.attentionOutputBias !== false) {
      expect(plain.logits(plain.forward({ tokens: tokens() }).hidden).dataSync()).not.toEqual(whole);
    }
    // Dynamic positions change with every token.
    if (variant.rotaryScaling) return;
    const cache = model.createCache({ batchSize: 2, capacity: 3 });
    const steps = [0, 1, 2].map((at) => {
      const logits = model.logits(model.forward({ tokens: tf.slice(tokens(), [0, at], [2, 1]) }, { cache }).hidden);
      cache.advance([1, 1]);
      return logits;
    });
    tf.concat(steps, 1)
      .dataSync()
      .forEach((value, i) => {
        expect(value).toBeCloseTo(whole[i]!, 4);
      });
  });

  it("refuses to take a cache past the length at which LongRoPE rotates another way", () => {
    const factors = { shortFactors: [1, 1, 1, 1], longFactors: [2, 2, 3, 3], attentionFactor: 1 };
    const rotaryScaling = { type: "longrope" as const, originalMaxPositions: 3, ...factors };
    const model = createModel({ ...config, positions: "rotary", rotaryScaling }, { weights: { seed: 1 } });
    const cache = model.createCache({ batchSize: 2, capacity: 8 });
    model.forward({ tokens: tokens() }, { cache });
    cache.advance([3, 3]);
    expect(() => model.forward({ tokens: tf.slice(tokens(), [0, 0], [2, 1]) }, { cache })).toThrow("of up to 3 tokens");
  });

  it.each([
    [{ layersWithoutWindow: [2], attentionWindow: 2 }, "layersWithoutWindow"],
    [{ layersWithoutRotary: [0] }, "layersWithoutRotary"],
    [{ positions: "rotary", rotaryFraction: 0.4 }, "rotaryFraction"],
    [{ positions: "rotary", headSize: 3 }, "headSize"],
    [
      {
        positions: "rotary",
        rotaryScaling: {
          type: "longrope",
          shortFactors: [1],
          longFactors: [1],
          originalMaxPositions: 4,
          attentionFactor: 1,
        },
      },
      "rotaryScaling",
    ],
  ])("refuses %o", (changes, field) => {
    const result = modelConfigSchema.safeParse({ ...config, ...changes });
    expect(result.error?.issues[0]?.path[0]).toBe(field);
  });

  it.each([true, false])("starts from the identity where outputs start from zero (tied head: %s)", (tiedEmbeddings) => {
    const fields = { zeroInitializedOutputs: true, embeddingShortcut: true, tiedEmbeddings };
    const model = createModel({ ...config, ...fields }, { weights: { seed: 1 } });
    const seen = new Map<string, ArrayLike<number>>();
    const observe = (name: string, tensor: tf.Tensor) => void seen.set(name, tensor.dataSync());
    const logits = model.logits(model.forward({ tokens: tokens() }, { observe }).hidden).dataSync();
    expect(seen.get("layers.1.output")).toEqual(seen.get("embedding"));
    expect(logits.every((logit) => logit === 0)).toBe(!tiedEmbeddings);
  });

  it("rejects value embeddings of layers that it does not have", () => {
    const layersWithValueEmbeddings = [2];
    expect(() => createModel({ ...config, layersWithValueEmbeddings }, { weights: { seed: 1 } })).toThrow(/layer 2/);
  });

  it("can be observed, and takes input embeddings", () => {
    const model = createModel(config, { weights: { seed: 1 } });
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

  it("dropout depends on the step and the index in the global batch, not on micro-batches", () => {
    const model = createModel({ ...config, dropout: 0.3, attentionDropout: 0.3 }, { weights: { seed: 1 } });
    const run = (step: number, rows: [number, number]) =>
      tf.tidy(() => {
        const [start, end] = rows;
        const random = { key: hashKey(1, step), firstRow: start, globalRows: 2 };
        return model.forward({ tokens: tokens().slice([start, 0], [end - start, 3]) }, { random }).hidden.dataSync();
      });
    const whole = run(1, [0, 2]);
    expect(Float32Array.from([...run(1, [0, 1]), ...run(1, [1, 2])])).toEqual(whole);
    expect(run(2, [0, 2])).not.toEqual(whole);
  });

  it("rejects more tokens than positions, and heads that do not divide the hidden size", () => {
    const model = createModel(config, { weights: { seed: 1 } });
    expect(() => model.forward({ tokens: tf.zeros([1, 9], "int32") }).hidden).toThrow(
      "9 tokens do not fit the model's 8 positions",
    );
    expect(() => createModel({ ...config, numHeads: 3 }, { weights: { seed: 1 } })).toThrow(
      "16 is not divisible by numHeads (3)",
    );
  });

  it("leaks no tensors", () => {
    const model = createModel(config, { weights: { seed: 1 } });
    const before = tf.memory().numTensors;
    model.forward({ tokens: tf.keep(tokens()) }).hidden.dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before + 1 - model.parameters.size);
  });
});

describe("a model's recipe", () => {
  const encoder = modelConfigSchema.parse({
    family: "bert",
    numLayers: 2,
    hiddenSize: 8,
    numHeads: 2,
    maxPositions: 16,
    vocabularySize: 20,
  });
  const modelRecipeSchema = createModelRecipeSchema((path) => {
    if (path === "checkpoints/bert") return encoder;
    throw Object.assign(new Error(`${path}: no such run or checkpoint`), { userError: path === "nowhere" });
  });
  const mistakes = (recipe: object) =>
    modelRecipeSchema.safeParse(recipe).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

  it("starts from a checkpoint, with own fields over it, or an encoder-decoder from an encoder", () => {
    const from = "checkpoints/bert";
    expect(modelRecipeSchema.parse({ from, dropout: 0.2 })).toEqual({ ...encoder, dropout: 0.2, from });
    const translator = modelRecipeSchema.parse({ from, family: "encoder-decoder" });
    expect(translator).toMatchObject({
      ...{ family: "encoder-decoder", numLayers: 2, normPlacement: "post", vocabularySize: 20, maxPositions: 16 },
      ...{ headTransform: true, pairHead: false, from },
    });
    expect(modelRecipeSchema.parse(translator)).toEqual(translator);
  });

  it("rejects what a checkpoint cannot initialize", () => {
    const from = "checkpoints/bert";
    expect(mistakes({ from: "nowhere" })).toEqual(["from: nowhere: no such run or checkpoint"]);
    expect(mistakes({ from, family: "gpt" })).toEqual([expect.stringMatching(/^from: .*bert.*gpt/)]);
    expect(mistakes({ from, preset: "gpt2" })).toEqual([expect.stringMatching(/^from: .*preset/)]);
    expect(() => mistakes({ from: "unreadable" })).toThrow("unreadable");
  });

  it("takes a preset with own fields over it, and leaves the vocabulary size open", () => {
    const preset = modelRecipeSchema.parse({ preset: "gpt2", dropout: 0, numLayers: 2 });
    expect(preset).toMatchObject({
      family: "gpt",
      hiddenSize: 768,
      numLayers: 2,
      dropout: 0,
      attentionDropout: 0.1,
      vocabularySize: 50_257,
    });
    const own = modelRecipeSchema.parse({ numLayers: 1, hiddenSize: 8, numHeads: 2, maxPositions: 4 });
    expect(own.vocabularySize).toBeUndefined();
  });

  it("names mistakes", () => {
    expect(modelRecipeSchema.safeParse({ preset: "gpt3" }).error?.issues[0]?.path).toEqual(["preset"]);
    expect(modelRecipeSchema.safeParse({ hiddenSize: 8, numHeads: 2, maxPositions: 4 }).error?.issues[0]?.path).toEqual(
      ["numLayers"],
    );
    expect(modelRecipeSchema.safeParse({ preset: "gpt2", numHeads: 7 }).error?.issues[0]?.message).toMatch(
      /768 is not divisible/,
    );
  });
});
