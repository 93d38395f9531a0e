import { start } from "@megatron-ts/engine";
import { type CausalModel, createModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { decode } from "./decode.ts";
import type { DecodeOptions } from "./decoding.ts";
import { argmax } from "./sampling/candidates.ts";
import { decodeRows } from "./testing/decode-rows.ts";

const config = {
  family: "gpt",
  numLayers: 2,
  hiddenSize: 32,
  numHeads: 4,
  vocabularySize: 50,
  maxPositions: 24,
  initializerRange: 0.3,
} as const;
const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];

let model: CausalModel;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  model = createModel(config, { weights: { seed: 3 } });
});

const run = (rows: number[][], options: DecodeOptions) => decodeRows(model, rows, options);

/** Greedy decoding that runs the whole text again for every token. */
function greedyByFullForward(prompt: number[], count: number): number[] {
  const text = [...prompt];
  for (let i = 0; i < count; i++) {
    const logits = tf.tidy(() => {
      const hidden = model.forward({ tokens: tf.tensor2d([text], [1, text.length], "int32") }).hidden;
      return model.logits(hidden).dataSync().slice(-config.vocabularySize) as Float32Array;
    });
    text.push(argmax(logits));
  }
  return text.slice(prompt.length);
}

describe("decode", () => {
  it("with a cache equals full forwards, for prompts of different lengths", () => {
    const expected = prompts.map((prompt) => greedyByFullForward(prompt, 12));
    expect(run(prompts, { maxTokens: 12, temperature: 0 })).toEqual(expected);
    expect(new Set(expected.flat()).size).toBeGreaterThan(3);
  });

  it("is reproducible by seed, alone and in a batch", () => {
    const options = { maxTokens: 8, temperature: 1.2, topK: 20, topP: 0.95, seed: 7 };
    const together = run(prompts, options);
    expect(run(prompts, options)).toEqual(together);
    expect(run([prompts[0]!], options)).toEqual([together[0]!]);
    expect(run(prompts, { ...options, seed: 8 })).not.toEqual(together);
  });

  it("ends at a stop token, and at the model's last position", () => {
    const [greedy] = run([prompts[0]!], { maxTokens: 30, temperature: 0 });
    // 5 tokens of prompt; the token at the last position still predicts one more.
    expect(greedy).toHaveLength(24 - 5 + 1);
    const stopTokens = [greedy![2]!];
    const [stopped] = run([prompts[0]!], { maxTokens: 30, temperature: 0, stopTokens });
    expect(stopped).toEqual(greedy!.slice(0, greedy!.indexOf(greedy![2]!) + 1));
  });

  it("continues the other rows when one reaches the model's last position", () => {
    const together = run(prompts, { maxTokens: 30, temperature: 0 });
    expect(together.map(({ length }) => length)).toEqual([20, 24, 17]);
    expect(run([prompts[1]!], { maxTokens: 30, temperature: 0 })).toEqual([together[1]!]);
  });

  it("leaks no tensors, even if the consumer stops early", () => {
    const before = tf.memory().numTensors;
    run(prompts, { maxTokens: 3, temperature: 0 });
    for (const _ of decode(model, prompts, { maxTokens: 9 })) break;
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    [[[]], /empty/],
    [[new Array(25).fill(1)], /25 tokens.*24/],
  ])("rejects a prompt that does not fit", (rows, message) => {
    expect(() => run(rows as number[][], { maxTokens: 2 })).toThrow(message);
  });

  it.each([
    [{ temperature: -1 }, /temperature.*-1/],
    [{ topK: -1 }, /top-k.*-1/],
    [{ topP: 0 }, /top-p.*0/],
    [{ repetitionPenalty: 0 }, /repetition penalty.*0/],
  ])("rejects %j", (options, message) => {
    expect(() => run(prompts, { maxTokens: 2, ...options })).toThrow(message);
  });
});
