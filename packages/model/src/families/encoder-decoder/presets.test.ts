/** The described system at its own window: who sees whom in the presets' blocks, token by token, on texts longer than a window. */
import { start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createModel } from "../../index.ts";
import { encoderDecoderPresets } from "./presets.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const tokens = 300;
const everyone = () => true;

/** Which keys each query gives a probability to, by attention. */
function seenBy(preset: "sc2019-345m" | "sc2019-345m-dense"): Record<string, Uint8Array> {
  const small = { numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 11, initializerRange: 0.02 };
  const model = createModel({ ...encoderDecoderPresets[preset].config, ...small }, { weights: { seed: 1 } });
  const ids = tf.tensor2d(
    Int32Array.from({ length: tokens }, (_, i) => i % 11),
    [1, tokens],
    "int32",
  );
  const seen: Record<string, Uint8Array> = {};
  const observe = (name: string, values: tf.Tensor) => {
    if (!name.endsWith("probabilities")) return;
    const first = tf.slice(values, [0, 0, 0, 0], [1, 1, -1, -1]).dataSync();
    seen[name] = Uint8Array.from(first, (probability) => Number(probability > 0));
  };
  const memory = model.encode({ tokens: ids }, { observe }).hidden;
  tf.dispose([memory, model.forward({ tokens: ids, memory }, { observe }).hidden, ids]);
  model.dispose();
  return seen;
}

/** The attentions whose probabilities are positive anywhere else than this. */
function wrong(preset: Parameters<typeof seenBy>[0], sees: Record<string, (query: number, key: number) => boolean>) {
  const seen = seenBy(preset);
  expect(Object.keys(seen)).toEqual(Object.keys(sees));
  return Object.keys(seen).filter((name) =>
    seen[name]!.some((positive, i) => positive !== Number(sees[name]!(Math.floor(i / tokens), i % tokens))),
  );
}

describe("sc2019's presets", () => {
  it("have windows of 256 in both stacks and dense cross-attention", () => {
    const sees = {
      "encoder.layers.0.attention.probabilities": (query: number, key: number) => Math.abs(query - key) <= 128,
      "decoder.layers.0.attention.probabilities": (query: number, key: number) => key <= query && query - key < 256,
      "decoder.layers.0.crossAttention.probabilities": everyone,
    };
    expect(wrong("sc2019-345m", sees)).toEqual([]);
  });

  it("have dense twins", () => {
    const sees = {
      "encoder.layers.0.attention.probabilities": everyone,
      "decoder.layers.0.attention.probabilities": (query: number, key: number) => key <= query,
      "decoder.layers.0.crossAttention.probabilities": everyone,
    };
    expect(wrong("sc2019-345m-dense", sees)).toEqual([]);
    expect(wrong("sc2019-345m", sees)).toHaveLength(2);
  });
});
