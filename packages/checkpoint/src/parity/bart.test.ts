/** BART against transformers: states, logits, loss and gradients, and decoding with a cache. */
import { start } from "@megatron-ts/engine";
import {
  classificationLosses,
  type EncoderDecoderConfig,
  formatForModel,
  readHuggingFaceConfig,
} from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, checkGradients, expectClose, openFixture, recorder } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

describe("bart", () => {
  const fixture = openFixture("bart");
  const tensors = new Set(fixture.weights.names);
  const { format, config: read } = readHuggingFaceConfig(fixture.config, { tensors });
  const config = read as EncoderDecoderConfig;
  const names = format.names(config);
  const load = () => buildModel(fixture, { config, names });
  const source = () => ({ tokens: fixture.tensor("input.input_ids"), lengths: [9, 6] });
  const targets = () => fixture.tensor("input.decoder_input_ids");

  it("reads config.json, and writes one that it reads as the same", () => {
    expect(config).toMatchObject({ embeddingScale: Math.sqrt(8), numDecoderLayers: 2, logitsBias: true });
    expect(formatForModel(config)).toBe(format);
    expect(readHuggingFaceConfig(format.toHuggingFace(config), { tensors }).config).toEqual(config);
  });

  it("has the reference's states and logits, also token by token with a cache", () => {
    const model = load();
    const { seen, observe } = recorder();
    const memory = model.encode(source()).hidden;
    expectClose(tf.slice(memory, [0, 0, 0], [1, -1, -1]), fixture.floats("output.memory").slice(0, 72), {
      what: "memory",
    });
    const memoryLengths = [9, 6];
    const logits = model.logits(model.forward({ tokens: targets(), memory, memoryLengths }, { observe }).hidden);
    for (const [ours, theirs] of [
      ["decoder.layers.0.output", "output.decoder_hidden_states.1"],
      ["decoder.layers.1.output", "output.decoder_hidden_states.2"],
    ] as const) {
      expectClose(seen.get(ours)!, fixture.floats(theirs), { what: ours });
    }
    expectClose(logits, fixture.floats("output.logits"), { what: "logits" });

    const cache = model.createCache({ batchSize: 2, capacity: 7 });
    const steps = Array.from({ length: 7 }, (_, at) => {
      const tokens = tf.slice(targets(), [0, at], [2, 1]);
      const step = model.logits(model.forward({ tokens, memory, memoryLengths }, { cache }).hidden);
      cache.advance([1, 1]);
      return step;
    });
    expectClose(tf.concat(steps, 1), fixture.floats("output.logits"), { what: "cached logits" });
    cache.dispose();
  });

  it.each(["none", "full"] as const)("has the reference's loss and gradients (recompute: %s)", (recompute) => {
    const model = load();
    const labels = fixture.tensor("input.labels");
    const counted = labels.dataSync().filter((label) => label >= 0).length;
    const loss = () => {
      const memory = model.encode(source(), { recompute }).hidden;
      const { hidden } = model.forward({ tokens: targets(), memory, memoryLengths: [9, 6] }, { recompute });
      return tf.div(tf.sum(classificationLosses(model.logits(hidden), { labels })), counted);
    };
    checkGradients(fixture, { ...model, names, loss });
  });
});
