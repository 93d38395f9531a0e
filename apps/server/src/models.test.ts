/** Several models in one server: each answers by its own name, and leaves when others need its memory. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "@megatron-ts/generate";
import { countModelParameters, type ModelConfig } from "@megatron-ts/model";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelEvent } from "./models/model-pool.ts";
import { startServer } from "./serve.ts";
import { readEvents } from "./testing/events.ts";
import { saveTiny, startTiny, type TinyServer } from "./testing/tiny-server.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-models-"));
const path = (name: string) => join(directory, name);
const events: ModelEvent[] = [];
let tiny: TinyServer;
let other: Awaited<ReturnType<typeof saveTiny>>;
/** Of each of the models: f32 weights, and keys and values of 2 layers for 4 sequences of 192 tokens. */
let bytes: number;

beforeAll(async () => {
  other = await saveTiny(path("other"), {}, 2);
  await saveTiny(path("broken"), {}, 3);
  const pageTable = 4 * (6 + 1);
  bytes = pageTable + 4 * countModelParameters(other.model.config as ModelConfig) + 2 * 2 * (4 * 192) * 32 * 4;
  const others = ["other", "broken"].map((name) => ({ checkpoint: path(name) }));
  tiny = await startTiny({ others, memoryLimit: 1.5 * bytes, onModel: (event) => events.push(event) });
  truncateSync(join(path("broken"), "tokenizer.json"), 10);
});
afterAll(async () => {
  await tiny.stop();
  other.model.dispose();
  rmSync(directory, { recursive: true, force: true });
});

const complete = (model: string | undefined, more = {}) =>
  tiny.post("/v1/completions", { model, prompt: "the whale", max_tokens: 12, temperature: 0, ...more });
const textOf = async (answer: Response) => ((await answer.json()) as OpenAI.Completion).choices[0]!.text;
const since = (start: number) => events.slice(start).map(({ model, event }) => `${model} ${event}`);

describe("several models", () => {
  it("answer by their names, one in memory at a time where no two fit", async () => {
    const answer = await fetch(`${tiny.server.url}/v1/models`);
    const listed = (await answer.json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toEqual(["tiny", "other", "broken"]);
    const options = { maxTokens: 12, temperature: 0 };
    const [own] = generate(tiny, ["the whale"], options);
    const [others] = generate(other, ["the whale"], options);
    expect(others!.text).not.toBe(own!.text);
    expect(await textOf(await complete(undefined))).toBe(own!.text);
    expect(await textOf(await complete("other"))).toBe(others!.text);
    expect(await textOf(await complete("tiny"))).toBe(own!.text);
    expect(since(0)).toEqual(["tiny loaded", "tiny unloaded", "other loaded", "other unloaded", "tiny loaded"]);
    expect(events[0]!.bytes).toBe(bytes);
  });

  it("stay while they answer: others wait, with 503 and Retry-After", async () => {
    const stream = await complete("tiny", { max_tokens: 180, ignore_eos: true, stream: true });
    const refused = await complete("other");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ error: { type: "server_error", code: "model_not_loaded" } });
    expect((await readEvents(stream)).length).toBeGreaterThan(100);
    const both = await Promise.all([complete("other"), complete("other"), complete("other", { stream: true })]);
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200]);
    await readEvents(both[2]!);
  });

  it("are counted apart", async () => {
    const text = await (await fetch(`${tiny.server.url}/metrics`)).text();
    for (const name of ["tiny", "other"]) expect(text).toContain(`vllm:prompt_tokens_total{model_name="${name}"}`);
  });

  it("answer 404 for a name that is none, and 503 for one that cannot be loaded, without a word about files", async () => {
    expect((await complete("nothing")).status).toBe(404);
    const answer = await complete("broken");
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain(directory);
    expect(events.at(-1)).toMatchObject({ model: "broken", event: "failed" });
    expect((await complete("tiny")).status).toBe(200);
  });

  it("need names of their own, and memory for each", async () => {
    const { checkpoint, workerFile } = tiny;
    const options = { checkpoint, workerFile, port: 0, threads: 1, backend: tiny.server.engine.backend };
    const mistake = { name: "ServerError", userError: true };
    const twice = startServer({ ...options, others: [{ checkpoint: path("other"), name: "tiny" }] });
    await expect(twice).rejects.toMatchObject(mistake);
    await expect(startServer({ ...options, memoryLimit: 1000 })).rejects.toMatchObject(mistake);
    const small = await startServer({ ...options, memoryLimit: bytes - 1 });
    await expect(small.ready).rejects.toMatchObject(mistake);
    await small.close();
    writeFileSync(path("file"), "");
    await expect(startServer({ ...options, others: [{ checkpoint: path("file") }] })).rejects.toMatchObject({
      userError: true,
    });
  });
});
