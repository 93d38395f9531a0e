/** Longformer against transformers, on texts of several windows: states, logits, gradients, and its classifier. */
import { start } from "@megatron-ts/engine";
import { type BertConfig, classificationLosses, formatForModel, readHuggingFaceConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

function open(name: string) {
  const fixture = openFixture(name);
  const holds = { tensors: new Set(fixture.weights.names) };
  const { format, config: read } = readHuggingFaceConfig(fixture.config, holds);
  const config = read as BertConfig;
  // The bare encoder's file has no prefix.
  const names = new Map(
    [...format.names(config)].map(([ours, { name, ...rest }]) => {
      return [ours, { ...rest, name: [name, ...format.aliases(name)].find((other) => holds.tensors.has(other))! }];
    }),
  );
  return { fixture, holds, config, names, model: buildModel(fixture, { config, names }) };
}

/** States [B, T, h] with zeros from each row's length on. */
function withoutPadding(states: tf.Tensor, lengths: number[]): tf.Tensor {
  const [rows, tokens] = states.shape as [number, number];
  const visible = Array.from({ length: rows * tokens }, (_, i) =>
    Number(i % tokens < lengths[Math.floor(i / tokens)]!),
  );
  return tf.mul(states, tf.tensor(visible, [rows, tokens, 1]));
}

const lengths = [26, 19];
const globalTokens = [[0, 9], [5]];

describe("longformer", () => {
  it("reads windows by layer, and the global token of classifiers", () => {
    const { config } = open("longformer");
    expect(config).toMatchObject({
      attention: { layout: "local", window: [4, 8] },
      globalProjections: true,
      paddingToken: 1,
      heads: { pooler: false, languageModel: true },
    });
    const classifier = open("longformer-sequence-classification").config;
    expect(classifier.attention).toEqual({ layout: "local", window: 4, globalTokens: [0] });
  });

  it.each(["longformer", "longformer-sequence-classification", "longformer-model"])(
    "%s: writes a config.json that it reads as the same",
    (name) => {
      const { config, holds } = open(name);
      const format = formatForModel(config);
      expect(format.modelType).toBe("longformer");
      expect(format.differences?.(config)).toEqual([]);
      expect(readHuggingFaceConfig(format.toHuggingFace(config), holds).config).toEqual(config);
    },
  );

  it("says that transformers does not know a model's global tokens", () => {
    const { config } = open("longformer");
    const attention = { layout: "local" as const, window: 4, globalTokens: [3] };
    expect(formatForModel(config).differences?.({ ...config, attention } as BertConfig)).toHaveLength(1);
  });

  it("has the reference's states and logits, with global tokens", () => {
    const { fixture, model, config } = open("longformer");
    const { seen, observe } = recorder();
    const tokens = fixture.tensor("input.input_ids");
    const logits = model.logits(model.forward({ tokens, globalTokens }, { observe }).hidden);
    for (let layer = 0; layer < config.numLayers; layer++) {
      const expected = fixture.floats(`output.hidden_states.${layer + 1}`);
      expectClose(seen.get(`layers.${layer}.output`)!, expected, { what: `layer ${layer}` });
    }
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const { fixture, model, names } = open("longformer");
    const tokens = fixture.tensor("input.input_ids");
    const labels = fixture.tensor("input.labels");
    const counted = labels.dataSync().filter((label) => label >= 0).length;
    const loss = () => {
      const logits = model.logits(model.forward({ tokens, globalTokens }, { recompute }).hidden);
      return tf.div(tf.sum(classificationLosses(logits, { labels })), counted);
    };
    checkGradients(fixture, { ...model, names, loss });
  });

  it("has the reference's states and pooled output without global tokens, padded to no window", () => {
    const { fixture, model } = open("longformer-model");
    const { hidden } = model.forward({ tokens: fixture.tensor("input.input_ids"), lengths });
    expectClose(withoutPadding(hidden, lengths), fixture.floats("output.states"), { what: "states" });
    expectClose(model.pooled(hidden), fixture.floats("output.pooled"), { what: "pooled" });
  });

  it("classifies as the reference does, with the first token global", () => {
    const { fixture, model } = open("longformer-sequence-classification");
    const logits = model.taskLogits(model.forward({ tokens: fixture.tensor("input.input_ids"), lengths }).hidden);
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
    const losses = classificationLosses(logits, { labels: fixture.tensor("input.labels") });
    expectClose(tf.mean(losses), [fixture.facts.loss], { what: "loss" });
  });

  it("refuses global tokens that are not in the text", () => {
    const { fixture, model } = open("longformer");
    const tokens = fixture.tensor("input.input_ids");
    expect(() => model.forward({ tokens, globalTokens: [[24], []] })).toThrow("globalTokens: token 24");
    expect(() => model.forward({ tokens, globalTokens: [[0]] })).toThrow("expected 2 rows");
  });
});
