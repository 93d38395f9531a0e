/** BERT, Megatron's BERT and RoBERTa against transformers' pretraining models. */
import { start } from "@megatron-ts/engine";
import {
  bertConfigSchema,
  bertFormat,
  classificationLosses,
  megatronBertFormat,
  robertaFormat,
} from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

/** The mean of the losses whose label counts. */
const meanLoss = (logits: tf.Tensor, labels: tf.Tensor) =>
  tf.div(tf.sum(classificationLosses(logits, { labels })), tf.sum(tf.cast(tf.greaterEqual(labels, 0), "float32")));

describe.each([
  { name: "bert", format: bertFormat, last: "layers.1.output" },
  { name: "megatron-bert", format: megatronBertFormat, last: "finalNorm" },
])("$name", ({ name, format, last }) => {
  const fixture = openFixture(name);
  const config = bertConfigSchema.parse(format.fromHuggingFace(fixture.config));
  const names = format.names(config);
  const load = () => buildModel(fixture, { config, names });
  const input = () => ({
    tokens: fixture.tensor("input.input_ids"),
    tokenTypes: fixture.tensor("input.token_type_ids"),
    lengths: [16, 11, 14],
  });

  it("has the reference's hidden states, pooled output and logits", () => {
    const model = load();
    const { seen, observe } = recorder();
    const hidden = model.forward(input(), { observe }).hidden;
    for (const [ours, theirs] of [
      ["embedding", "output.hidden_states.0"],
      ["layers.0.output", "output.hidden_states.1"],
      [last, "output.hidden_states.2"],
    ] as const) {
      expectClose(seen.get(ours)!, fixture.floats(theirs), { what: ours });
    }
    const pooled = model.pooled(hidden);
    expectClose(pooled, fixture.floats("output.pooler_output"), { what: "pooled" });
    expectClose(model.logits(hidden), fixture.floats("output.prediction_logits"), { what: "logits" });
    expectClose(model.pairLogits(pooled), fixture.floats("output.seq_relationship_logits"), { what: "pair logits" });
  });

  it.each(["none", "full"] as const)("has the reference's losses and gradients (recompute: %s)", (recompute) => {
    const model = load();
    function losses() {
      const hidden = model.forward(input(), { recompute }).hidden;
      const masked = meanLoss(model.logits(hidden), fixture.tensor("input.labels"));
      const pair = meanLoss(model.pairLogits(model.pooled(hidden)), fixture.tensor("input.next_sentence_label"));
      return { masked, pair };
    }
    const { masked, pair } = losses();
    expectClose(masked, [fixture.facts.maskedLmLoss as number], { what: "masked loss" });
    expectClose(pair, [fixture.facts.nextSentenceLoss as number], { what: "pair loss" });
    function loss() {
      const both = losses();
      return tf.add(both.masked, both.pair);
    }
    checkGradients(fixture, { ...model, names, loss });
  });

  it("is another model with the other GELU, the other norms or no token types", () => {
    function logitsOf(changes: object) {
      const changed = buildModel(fixture, { config: { ...config, ...changes }, names });
      return () =>
        expectClose(changed.logits(changed.forward(input()).hidden), fixture.floats("output.prediction_logits"), {
          what: "it",
        });
    }
    expect(logitsOf({ activation: "gelu-tanh", headActivation: "gelu-erf" })).toThrow("within");
    expect(logitsOf({ headActivation: "gelu-tanh" })).toThrow("within");
    expect(() => logitsOf({ normPlacement: name === "bert" ? "pre" : "post" })).toThrow();
    const model = load();
    function untyped() {
      const logits = model.logits(model.forward({ ...input(), tokenTypes: undefined }).hidden);
      expectClose(logits, fixture.floats("output.prediction_logits"), { what: "it" });
    }
    expect(untyped).toThrow("within");
  });
});

describe("roberta", () => {
  const fixture = openFixture("roberta");
  const config = bertConfigSchema.parse(robertaFormat.fromHuggingFace(fixture.config));
  const names = robertaFormat.names(config);
  const load = () => buildModel(fixture, { config, names });
  /** Row 0 is full, row 1 padded on the right, row 2 on the left. */
  const visible = [
    [0, 16],
    [0, 11],
    [4, 16],
  ];
  const ranges = () =>
    tf.tensor3d(
      visible.map((row) => Array.from({ length: 16 }, () => row)),
      [3, 16, 2],
      "int32",
    );
  const input = () => ({ tokens: fixture.tensor("input.input_ids"), ranges: ranges() });

  it("has the reference's hidden states and logits, with positions counted behind padding on either side", () => {
    const model = load();
    const { seen, observe } = recorder();
    const hidden = model.forward(input(), { observe }).hidden;
    for (const [ours, theirs] of [
      ["embedding", "output.hidden_states.0"],
      ["layers.0.output", "output.hidden_states.1"],
      ["layers.1.output", "output.hidden_states.2"],
    ] as const) {
      expectClose(seen.get(ours)!, fixture.floats(theirs), { what: ours });
    }
    expectClose(model.logits(hidden), fixture.floats("output.logits"), { what: "logits" });
    const given = model.forward({ ...input(), positions: fixture.tensor("output.position_ids") }).hidden;
    expect(given.dataSync()).toEqual(hidden.dataSync());
  });

  it("has the reference's loss and gradients", () => {
    const model = load();
    const loss = () => meanLoss(model.logits(model.forward(input()).hidden), fixture.tensor("input.labels"));
    checkGradients(fixture, { ...model, names, loss });
  });
});
