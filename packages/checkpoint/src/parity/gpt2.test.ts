/** GPT-2 against transformers' GPT2LMHeadModel; the training curve is in train. */
import { start } from "@megatron-ts/engine";
import { gpt2Format, gptConfigSchema } from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, expectDecoderOutputs, openFixture } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const fixture = openFixture("gpt2");
const config = gptConfigSchema.parse(gpt2Format.fromHuggingFace(fixture.config));
const names = gpt2Format.names(config);
const [rows, width] = [3, 17];
const tokens = () => tf.tensor2d(fixture.ints("input.batches").slice(0, rows * width), [rows, width], "int32");

const load = (change?: (source: ParameterSource) => ParameterSource) => buildModel(fixture, { config, names, change });

/** Mean cross-entropy of the next tokens. */
const lossOf = (model: ReturnType<typeof load>) => () => {
  const logits = model.logits(model.forward({ tokens: tokens() }).hidden.slice([0, 0, 0], [rows, width - 1, -1]));
  const labels = tokens().slice([0, 1]);
  return tf.mean(crossEntropy(logits.reshape([-1, config.vocabularySize]), { labels: labels.flatten() }));
};

describe("gpt2", () => {
  it("has the reference's hidden states and logits", () => {
    expectDecoderOutputs(fixture, load(), tokens());
  });

  it("has the reference's loss and gradients", () => {
    const model = load();
    checkGradients(fixture, { ...model, names, loss: lossOf(model) });
  });
});

describe("the checks", () => {
  it("fail where one weight is off by a thousandth, a gradient is silent, or a tensor is never read", () => {
    const model = load((source) => (declaration) => {
      const weight = source(declaration)!;
      return declaration.name === "layers.1.attentionNorm.bias" ? tf.keep(tf.add(weight, 1e-3)) : weight;
    });
    const loss = lossOf(model);
    expect(() => checkGradients(fixture, { ...model, names, loss })).toThrow(/gpt2: (loss|gradient of)/);
    const constant = () => tf.scalar(fixture.facts.loss);
    expect(() => checkGradients(fixture, { ...model, names, loss: constant })).toThrow("no gradient arrived at");
    expect(() => buildModel(fixture, { config: { ...config, numLayers: 1 }, names })).toThrow(
      "no weight of ours lies in transformer.h.1.",
    );
    expect(() => expectClose([1, 2], [1, 2.001], { what: "it" })).toThrow("it[1]: 2, expected 2.001 within");
    expect(() => expectClose([Number.NaN], [1], { what: "it" })).toThrow("it[0]: NaN");
  });
});
