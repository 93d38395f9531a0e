/**
 * The fields of a modern GPT, each alone and all together, against the same written plainly in torch
 * (fixtures/families/modern_gpt.py): logits, the gradient of every weight, and cached decoding.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { crossEntropy, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { openSafetensors } from "../safetensors.ts";
import { expectClose } from "../testing/golden.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const path = (file: string) => fileURLToPath(new URL(`../../../../fixtures/modern-gpt/${file}`, import.meta.url));
const golden = openSafetensors(path("golden.safetensors"));
const { variants } = JSON.parse(readFileSync(path("golden.json"), "utf8")) as { variants: Record<string, object> };
const floats = (name: string) => new Float32Array(golden.read(name).buffer);
const ints = (name: string) => new Int32Array(golden.read(name).buffer);

const [batch, tokens] = golden.info("input.tokens").shape as [number, number];
const ids = (to = tokens, from = 0) =>
  tf.tidy(() => tf.slice(tf.tensor2d(ints("input.tokens"), [batch, tokens], "int32"), [0, from], [-1, to - from]));

const build = (fields: object) =>
  createModel(
    {
      ...{ family: "gpt", numLayers: 2, hiddenSize: 8, numHeads: 2, vocabularySize: 13, maxPositions: tokens },
      ...{ dropout: 0, attentionDropout: 0, norm: "rms", biases: false, ...fields },
    },
    { weights: { source: ({ name, shape }) => tf.keep(tf.tensor(floats(`input.weights.${name}`), [...shape])) } },
  );

describe.each(Object.entries(variants))("a GPT with %s", (variant, fields) => {
  const gradientsOf = (recompute: "none" | "full") => {
    const model = build(fields);
    const parameters = [...model.parameters.values()];
    const labels = tf.tensor1d(ints("input.labels"), "int32");
    const loss = () => {
      const logits = model.logits(model.forward({ tokens: ids() }, { recompute }).hidden);
      return tf.mean(crossEntropy(tf.reshape(logits, [batch * tokens, -1]), { labels }));
    };
    const { pullback } = vjp(loss, [], { parameters: parameters.map(({ tensor }) => tensor) });
    const gradients = pullback([tf.scalar(1)]).parameters;
    return new Map(parameters.map(({ name }, i) => [name, gradients[i]!.dataSync()]));
  };

  it("has PyTorch's logits and gradients", () => {
    const model = build(fields);
    expectClose(model.logits(model.forward({ tokens: ids() }).hidden), floats(`output.${variant}.logits`), {
      what: variant,
      tolerance: 1e-5,
    });
    const gradients = gradientsOf("none");
    const prefix = `gradient.${variant}.`;
    const expected = golden.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    expect([...gradients.keys()].sort()).toEqual(expected.sort());
    for (const [name, gradient] of gradients) {
      expectClose(gradient, floats(`${prefix}${name}`), { what: name, tolerance: 5e-5 });
    }
  });

  it("recomputes to the same bits, and decodes from a cache what a whole forward gives", () => {
    const recomputed = gradientsOf("full");
    for (const [name, gradient] of gradientsOf("none")) expect(recomputed.get(name), name).toEqual(gradient);
    const model = build(fields);
    const cache = model.createCache({ batchSize: batch, capacity: tokens });
    const parts = [
      [0, 3],
      [3, 4],
      [4, tokens],
    ].map(([from, to]) => {
      const logits = model.logits(model.forward({ tokens: ids(to, from) }, { cache }).hidden);
      cache.advance(new Array(batch).fill(to! - from!));
      return logits;
    });
    expectClose(tf.concat(parts, 1), floats(`output.${variant}.logits`), { what: variant, tolerance: 1e-5 });
    cache.dispose();
  });
});

it("the fields change what is computed", () => {
  const plain = floats("output.plain.logits");
  for (const variant of Object.keys(variants).filter((name) => name !== "plain")) {
    const largest = Math.max(...floats(`output.${variant}.logits`).map((value, i) => Math.abs(value - plain[i]!)));
    expect(largest, variant).toBeGreaterThan(1e-3);
  }
});
