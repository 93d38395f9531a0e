/** What an encoder serves: embeddings and masks, but no text. */
import { fillMasks } from "@megatron-ts/generate";
import * as tf from "@tensorflow/tfjs";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embed, poolingOf } from "./engine/embed.ts";
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

  it("pools by sentence-transformers' configuration", () => {
    const first = embed(tiny.model, [5, 6, 7], "cls");
    const last = embed(tiny.model, [5, 6, 7], "last");
    expect(embed(tiny.model, [5], "mean")).toEqual(embed(tiny.model, [5], "cls"));
    expect(first).not.toEqual(last);
    expect(poolingOf({})).toBe("mean");
    expect(poolingOf({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false })).toBe("cls");
    expect(poolingOf({ pooling_mode_max_tokens: true })).toBeNull();
    expect(poolingOf({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: true })).toBeNull();
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
