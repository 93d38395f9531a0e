/** Models trained by prefix language modeling: tokens of the prompt see those after them, generated ones do not. */
import { causalRanges } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { type CausalModel, createModel, type ModelConfig } from "@megatron-ts/model";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createBatch } from "../batching/create-batch.ts";
import { sample } from "../sampling/sample.ts";
import { decodeRows } from "../testing/decode-rows.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shape = {
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 30,
  initializerRange: 1,
  maxPositions: 24,
};
const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];
const maxTokens = 9;

const create = (positions: string) =>
  createModel({ family: "gpt", ...shape, positions } as ModelConfig, { weights: { seed: 5 } }) as CausalModel;

/** A sampled continuation, by a forward over the whole text for each token, with ranges as training has them. */
function continueByForwards(model: CausalModel, prompt: number[], row: number): number[] {
  const text = [...prompt];
  for (const uniform of uniforms(hashKey(0, "sample", row), maxTokens)) {
    const keyEnd = text.map((_, i) => Math.max(i + 1, prompt.length));
    const logits = tf.tidy(() => {
      const ranges = causalRanges({ batchSize: 1, tokens: text.length, keyEnd });
      const { hidden } = model.forward({ tokens: tf.tensor2d([text], undefined, "int32"), ranges });
      return model.logits(hidden).dataSync().slice(-shape.vocabularySize) as Float32Array;
    });
    text.push(sample(logits, { uniform, seen: [] }));
  }
  return text.slice(prompt.length);
}

describe.each(["learned", "rotary", "alibi"])("bidirectionalPrompt, with %s positions", (positions) => {
  it("decodes what whole forwards predict, together and in a batch", () => {
    const model = create(positions);
    const expected = prompts.map((prompt, row) => continueByForwards(model, prompt, row));
    expect(decodeRows(model, prompts, { maxTokens, bidirectionalPrompt: true })).toEqual(expected);
    expect(decodeRows(model, prompts, { maxTokens })).not.toEqual(expected);

    const batch = createBatch(model, { bidirectionalPrompt: true });
    const rows = new Map(prompts.map((prompt, stream) => [batch.add({ prompt, maxTokens, stream }), [] as number[]]));
    while (batch.running + batch.waiting > 0) {
      for (const { sequence, token } of batch.step()) rows.get(sequence)!.push(token!);
    }
    expect([...rows.values()]).toEqual(expected);
    batch.dispose();
    model.dispose();
  });
});
