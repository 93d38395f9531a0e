/**
 * Llama and its successors against transformers, on texts longer than their windows. Llama itself untied as transformers 5
 * writes it, and tied as transformers 4 wrote it.
 */
import { start } from "@megatron-ts/engine";
import { formatForModel, type GptConfig, readHuggingFaceConfig } from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, expectDecoderOutputs, openFixture } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

/** What is read of each config.json beyond sizes. */
const models: Record<string, Partial<GptConfig>> = {
  llama: { rotaryTheta: 10_000, tiedEmbeddings: false, numKeyValueHeads: 2, biases: false },
  "llama-tied": { rotaryTheta: 500_000, tiedEmbeddings: true },
  "decoders/mistral": { attentionWindow: 4 },
  "decoders/qwen2": { attentionWindow: 3, layersWithoutWindow: [0], attentionBiases: true, attentionOutputBias: false },
  "decoders/qwen3": { queryKeyNorm: true, headSize: 6 },
  "decoders/smollm3": { layersWithoutRotary: [1], rotaryTheta: 2_000_000 },
  "decoders/gemma2": {
    ...{ attentionWindow: 4, layersWithoutWindow: [1], attentionScale: 1 / 3, attentionCap: 2, logitsCap: 3 },
    ...{ embeddingScale: 4, zeroCenteredNorms: true, outputNorms: true, activation: "gelu-tanh" },
  },
  "decoders/gemma3": {
    ...{ queryKeyNorm: true, zeroCenteredNorms: true, outputNorms: true, embeddingScale: 4, attentionScale: 1 / 3 },
    ...{ rotaryTheta: 1000, windowRotaryTheta: 100, rotaryScaling: { type: "linear", factor: 2 } },
  },
  "decoders/phi3": {
    rotaryFraction: 0.5,
    rotaryScaling: {
      ...{ type: "longrope", shortFactors: [1], longFactors: [2.5], originalMaxPositions: 4 },
      attentionFactor: Math.sqrt(1 + Math.log(6) / Math.log(4)),
    },
  },
  "decoders/llama-dynamic": {
    ...{ maxPositions: 16, rotaryScaling: { type: "dynamic", factor: 2, originalMaxPositions: 8 } },
  },
};

describe.each(Object.entries(models))("%s", (name, own) => {
  const fixture = openFixture(name);
  const { format, config: read } = readHuggingFaceConfig(fixture.config);
  const config = read as GptConfig;
  const names = format.names(config);
  const { vocabularySize } = config;
  const [rows, width] = fixture.golden.info("input.input_ids").shape as [number, number];
  const load = () => buildModel(fixture, { config, names });
  const tokens = () => fixture.tensor("input.input_ids");

  it("reads config.json, and writes one that it reads as the same", () => {
    expect(config).toMatchObject(own);
    expect(formatForModel(config).modelType).toBe(format.modelType);
    expect(readHuggingFaceConfig(format.toHuggingFace(config)).config).toEqual(config);
  });

  it("has the reference's hidden states and logits", () => {
    expectDecoderOutputs(fixture, load(), tokens());
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const model = load();
    const labels = tf.slice(fixture.tensor("input.labels"), [0, 1]).flatten();
    const counted = labels.dataSync().filter((label) => label >= 0).length;
    function loss() {
      const states = tf.slice(
        model.forward({ tokens: tokens() }, { recompute }).hidden,
        [0, 0, 0],
        [rows, width - 1, -1],
      );
      const losses = crossEntropy(tf.reshape(model.logits(states), [-1, vocabularySize]), { labels });
      return tf.div(tf.sum(losses), counted);
    }
    checkGradients(fixture, { ...model, names, loss });
  });

  it("decodes with a cache as the reference does: five tokens at once, then one by one, then its own", () => {
    const model = load();
    const generated = fixture.tensor("output.generated_ids");
    const cache = model.createCache({ batchSize: rows, capacity: 24 });
    function feed(part: tf.Tensor) {
      const logits = model.logits(model.forward({ tokens: part }, { cache }).hidden);
      cache.advance(new Array(rows).fill(part.shape[1]!));
      return logits;
    }
    const cached = [feed(tf.slice(tokens(), [0, 0], [rows, 5]))];
    for (let at = 5; at < width; at++) cached.push(feed(tf.slice(tokens(), [0, at], [rows, 1])));
    expectClose(tf.concat(cached, 1), fixture.floats("output.cached_logits"), { what: "cached logits" });

    const chosen = (logits: tf.Tensor) =>
      tf.cast(tf.argMax(tf.slice(logits, [0, logits.shape[1]! - 1, 0]), -1), "int32");
    const ours = [chosen(cached.at(-1)!)];
    while (ours.length < generated.shape[1]!) ours.push(chosen(feed(ours.at(-1)!)));
    expect(tf.concat(ours, 1).arraySync()).toEqual(generated.arraySync());
    cache.dispose();
  });
});
