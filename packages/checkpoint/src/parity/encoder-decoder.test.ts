/**
 * The encoder-decoder of Megatron's blocks against the same written plainly in torch
 * (fixtures/families/encoder_decoder.py).
 */
import { start } from "@megatron-ts/engine";
import type { ForeignWeight } from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const fixture = openFixture("encoder-decoder");
const config = {
  family: "encoder-decoder",
  numLayers: 2,
  hiddenSize: 24,
  numHeads: 4,
  vocabularySize: 67,
  maxPositions: 20,
  dropout: 0,
  attentionDropout: 0,
} as const;

/** The fixture's names are its own: there is no foreign format of this family. */
const names = (() => {
  const found = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: "embedding.word.weight" }],
    ["positionEmbedding.weight", { name: "embedding.position.weight" }],
  ]);
  function both(ours: string, theirs: string) {
    for (const kind of ["weight", "bias"]) found.set(`${ours}.${kind}`, { name: `${theirs}.${kind}` });
  }
  function attention(ours: string, theirs: string) {
    both(`${ours}Norm`, `${theirs}_norm`);
    for (const part of ["query", "key", "value", "output"]) both(`${ours}.${part}`, `${theirs}.${part}`);
  }
  for (const stack of ["encoder", "decoder"]) {
    both(`${stack}.finalNorm`, `${stack}.final_norm`);
    for (let index = 0; index < config.numLayers; index++) {
      const layer = `${stack}.layers.${index}`;
      attention(`${layer}.attention`, `${layer}.self_attention`);
      if (stack === "decoder") attention(`${layer}.crossAttention`, `${layer}.cross_attention`);
      both(`${layer}.feedForwardNorm`, `${layer}.feed_forward_norm`);
      both(`${layer}.feedForward.input`, `${layer}.feed_forward.up`);
      both(`${layer}.feedForward.output`, `${layer}.feed_forward.down`);
    }
  }
  return found;
})();

const lengths = [15, 9, 12];
const load = () => buildModel(fixture, { config, names });
function run(
  model: ReturnType<typeof load>,
  options: Parameters<ReturnType<typeof load>["forward"]>[1] = {},
): tf.Tensor {
  const memory = model.encode({ tokens: fixture.tensor("input.input_ids"), lengths }, options).hidden;
  const tokens = fixture.tensor("input.decoder_input_ids");
  return model.logits(model.forward({ tokens, memory, memoryLengths: lengths }, options).hidden);
}
const lossOf =
  (model: ReturnType<typeof load>, options = {}) =>
  () => {
    const labels = fixture.tensor("input.labels").flatten();
    const losses = crossEntropy(run(model, options).reshape([-1, config.vocabularySize]), { labels });
    return tf.div(tf.sum(losses), tf.sum(tf.cast(tf.greaterEqual(labels, 0), "float32")));
  };

describe("encoder-decoder", () => {
  it("has the reference's hidden states and logits", () => {
    const { seen, observe } = recorder();
    const logits = run(load(), { observe });
    // What padding's own places hold is nobody's: their states are compared as well, since both sides compute them alike.
    for (const stack of ["encoder", "decoder"]) {
      for (const [ours, theirs] of [
        ["embedding", 0],
        ["layers.0.output", 1],
        ["finalNorm", 2],
      ]) {
        const what = `${stack}.${ours}`;
        expectClose(seen.get(what)!, fixture.floats(`output.${stack}_hidden_states.${theirs}`), { what });
      }
    }
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const model = load();
    checkGradients(fixture, { ...model, names, loss: lossOf(model, { recompute }) });
  });

  it("fails where cross-attention sees padding", () => {
    const model = load();
    const tokens = fixture.tensor("input.decoder_input_ids");
    const memory = model.encode({ tokens: fixture.tensor("input.input_ids"), lengths }).hidden;
    const logits = model.logits(model.forward({ tokens, memory }).hidden);
    expect(() => expectClose(logits, fixture.floats("output.logits"), { what: "logits" })).toThrow("logits[");
  });
});
