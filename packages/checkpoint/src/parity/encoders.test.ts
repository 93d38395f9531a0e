/** Encoders after BERT against transformers: logits, loss and gradients of models that predict masked or replaced tokens. */
import { start } from "@megatron-ts/engine";
import { type BertConfig, classificationLosses, formatForModel, readHuggingFaceConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const heads = { pooler: false, languageModel: true, pair: false };

/** What is read of each config.json beyond sizes, and the format that it is written in. */
const models: Record<string, { own: Partial<BertConfig>; written: string }> = {
  "xlm-roberta": { own: { paddingToken: 1, numTokenTypes: 1 }, written: "roberta" },
  camembert: { own: { paddingToken: 1, numTokenTypes: 1 }, written: "roberta" },
  distilbert: { own: { numTokenTypes: 0 }, written: "distilbert" },
  electra: { own: { embeddingSize: 6, tiedEmbeddings: false }, written: "electra" },
  albert: { own: { embeddingSize: 6, numLayers: 3, numLayerGroups: 1 }, written: "albert" },
};

describe.each(Object.entries(models))("%s", (name, { own, written }) => {
  const fixture = openFixture(`encoders/${name}`);
  const { format, config: read } = readHuggingFaceConfig(fixture.config);
  const config = read as BertConfig;
  const names = format.names(config);
  const load = () => buildModel(fixture, { config, names });
  const input = () => ({
    tokens: fixture.tensor("input.input_ids"),
    lengths: [10, 7],
    ...(fixture.golden.names.includes("input.token_type_ids") && {
      tokenTypes: fixture.tensor("input.token_type_ids"),
    }),
  });

  it("reads config.json, and writes one that it reads as the same", () => {
    expect(config).toMatchObject({ ...own, heads });
    expect(formatForModel(config).modelType).toBe(written);
    expect(readHuggingFaceConfig(formatForModel(config).toHuggingFace(config)).config).toEqual(config);
  });

  it("has the reference's states and logits", () => {
    const model = load();
    const { seen, observe } = recorder();
    const logits = model.logits(model.forward(input(), { observe }).hidden);
    for (let layer = 0; layer < config.numLayers; layer++) {
      const expected = fixture.floats(`output.hidden_states.${layer + 1}`);
      expectClose(seen.get(`layers.${layer}.output`)!, expected, { what: `layer ${layer}` });
    }
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const model = load();
    const labels = fixture.tensor("input.labels");
    const counted = labels.dataSync().filter((label) => label >= 0).length;
    const loss = () => {
      const logits = model.logits(model.forward(input(), { recompute }).hidden);
      return tf.div(tf.sum(classificationLosses(logits, { labels })), counted);
    };
    checkGradients(fixture, { ...model, names, loss });
  });
});

describe("electra-discriminator", () => {
  const fixture = openFixture("encoders/electra-discriminator");
  const { format, config: read } = readHuggingFaceConfig(fixture.config);
  const config = read as BertConfig;
  const names = format.names(config);

  it("reads config.json, and writes one that it reads as the same", () => {
    const none = { pooler: false, languageModel: false, pair: false };
    expect(config).toMatchObject({ heads: none, task: { kind: "replaced-token-detection" }, activation: "gelu-tanh" });
    expect(formatForModel(config).modelType).toBe("electra");
    const written = formatForModel(config).toHuggingFace(config);
    expect(written.architectures).toEqual(["ElectraForPreTraining"]);
    expect(readHuggingFaceConfig(written).config).toEqual(config);
  });

  it.each(["none", "full"] as const)("has the reference's logits, loss and gradients (recompute: %s)", (recompute) => {
    const model = buildModel(fixture, { config, names });
    const tokens = fixture.tensor("input.input_ids");
    const input = { tokens, lengths: [10, 7], tokenTypes: fixture.tensor("input.token_type_ids") };
    const logits = () => model.taskLogits(model.forward(input, { recompute }).hidden);
    expectClose(logits(), fixture.floats("output.logits"), { what: "logits" });
    const loss = () => {
      const labels = tf.cast(fixture.tensor("input.labels"), "float32");
      const losses = tf.losses.sigmoidCrossEntropy(labels, logits(), undefined, 0, tf.Reduction.NONE);
      return tf.div(tf.sum(tf.mul(losses, fixture.tensor("input.attention_mask"))), 10 + 7) as tf.Scalar;
    };
    checkGradients(fixture, { ...model, names, loss });
  });
});
