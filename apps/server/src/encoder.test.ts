/** What an encoder serves: embeddings and masks, but no text. */
import { fillMasks, LogitsError } from "@megatron-ts/generate";
import * as tf from "@tensorflow/tfjs";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embed } from "./engine/embed.ts";
import type { PoolingMode } from "./engine/embedding-settings.ts";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await startTiny({}, { family: "bert", normPlacement: "pre" });
});
afterAll(() => tiny.stop());

const texts = ["the whale", "call me Ishmael, in the sea"];

describe("an encoder", () => {
  it("embeds texts and token ids, as the openai package asks", async () => {
    const client = new OpenAI({ apiKey: "none", baseURL: `${tiny.server.url}/v1`, maxRetries: 0 });
    const { data, usage } = await client.embeddings.create({ model: "tiny", input: texts });
    const encoded = texts.map((text) => [...tiny.tokenizer.encode(text)]);
    expect(usage.prompt_tokens).toBe(encoded.flat().length);
    for (const [index, tokens] of encoded.entries()) {
      const { embedding } = data[index]!;
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
      const mean = tf.tidy(() => {
        const hidden = tiny.model.predictors.masked!.forward({
          tokens: tf.tensor2d(tokens, [1, tokens.length], "int32"),
        }).hidden;
        const pooled = tf.mean(hidden, 1);
        return tf.div(pooled, tf.norm(pooled)).dataSync();
      });
      for (const [i, value] of embedding.entries()) expect(value).toBeCloseTo(mean[i]!, 5);
    }
    const floats = await client.embeddings.create({ model: "tiny", input: encoded[0]!, encoding_format: "float" });
    for (const [i, value] of floats.data[0]!.embedding.entries()) expect(value).toBeCloseTo(data[0]!.embedding[i]!, 6);
  });

  it.each<[PoolingMode, (states: tf.Tensor) => tf.Tensor]>([
    ["cls", (states) => tf.gather(states, 0)],
    ["lasttoken", (states) => tf.gather(states, 2)],
    ["max", (states) => tf.max(states, 0)],
    ["mean", (states) => tf.mean(states, 0)],
    ["mean_sqrt_len_tokens", (states) => tf.div(tf.sum(states, 0), Math.sqrt(3))],
    ["weightedmean", (states) => tf.div(tf.sum(tf.mul(states, [[1], [2], [3]]), 0), 6)],
  ])("pools by %s", (mode, pool) => {
    const settings = { normalize: false, maxTokens: 3 };
    const expected = tf.tidy(() => {
      const tokens = tf.tensor2d([5, 6, 7], [1, 3], "int32");
      return pool(tf.squeeze(tiny.model.predictors.masked!.forward({ tokens }).hidden, [0])).dataSync();
    });
    const vector = embed(tiny.model, [5, 6, 7], { ...settings, pooling: [mode] });
    for (const [i, value] of vector.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    const joined = embed(tiny.model, [5, 6, 7], { ...settings, pooling: ["cls", mode] });
    expect(joined.slice(32)).toEqual(vector);
    expect(Math.hypot(...embed(tiny.model, [5], { ...settings, pooling: ["cls", mode], normalize: true }))).toBeCloseTo(
      1,
      5,
    );
    const masked = tiny.model.predictors.masked!;
    const forward: typeof masked.forward = (...given) => {
      const found = masked.forward(...given);
      return { ...found, hidden: tf.mul(found.hidden, Number.NaN) };
    };
    const damaged = { ...tiny.model, predictors: { masked: { ...masked, forward } } };
    expect(() => embed(damaged, [5, 6, 7], { ...settings, pooling: [mode] })).toThrow(LogitsError);
    expect(() => embed(tiny.model, [5, 6, 7, 8], { ...settings, pooling: [mode] })).toThrow(/at most 3/);
  });

  it("fills masks as the library does", async () => {
    const input = texts.map((text) => `${text} [MASK].`);
    const answer = await tiny.post("/v1/fill-mask", { input, top_k: 3 });
    const { data } = (await answer.json()) as { data: object[] };
    const expected = fillMasks(tiny, input, { topK: 3 });
    expect(data).toHaveLength(2);
    expect(data[0]).toMatchObject({ index: 0, text: expected[0]!.text });
    expect((data as typeof expected).map(({ masks }) => masks.map((mask) => mask.map(({ id }) => id)))).toEqual(
      expected.map(({ masks }) => masks.map((mask) => mask.map(({ id }) => id))),
    );
  });

  it.each([
    ["/v1/completions", { prompt: "a" }, /does not generate/],
    ["/v1/embeddings", { input: "a ".repeat(300) }, /at most/],
    ["/v1/embeddings", { input: [] }, /input/],
    ["/v1/embeddings", { input: [5000] }, /5000/],
    ["/v1/embeddings", { input: "a", dimensions: 8 }, /dimensions/],
    ["/v1/fill-mask", { input: "no mask" }, /mask/],
    ["/v1/fill-mask", { input: "[MASK]", top_k: 0 }, /top_k/],
  ])("answers %s with status 400 and what is wrong, case %#", async (path, body, message) => {
    const answer = await tiny.post(path, body);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(message)]);
  });
});
