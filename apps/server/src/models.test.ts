/**
 * Several models in one server: each answers by its own name and leaves when others need its memory; adapters answer beside
 * their base; newer checkpoints replace older ones; and nobody waits for explanations.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointDirectory, loadModel } from "@megatron-ts/checkpoint";
import { generate } from "@megatron-ts/generate";
import { countModelParameters, type ModelConfig } from "@megatron-ts/model";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelEvent } from "./models/engine-slots.ts";
import { type RunningServer, startServer } from "./serve.ts";
import { readEvents } from "./testing/events.ts";
import { saveAdapter } from "./testing/save-adapter.ts";
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
  saveAdapter(path("poems"), { model: other.model, directory: path("other") });
  writeFileSync(join(path("poems"), "chat_template.jinja"), "{{ messages[0].content }}!");
  const adapters = [{ name: "poems", directory: path("poems") }];
  const others = [{ checkpoint: path("other"), adapters }, { checkpoint: path("broken") }];
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

describe("a draft", () => {
  it("proposes tokens, of which metrics count those that were accepted", async () => {
    const { workerFile } = tiny;
    const { backend } = tiny.server.engine;
    const draft = { checkpoint: path("other"), tokens: 3 };
    const options = { checkpoint: path("other"), draft, workerFile, backend, threads: 1, port: 0 };
    const server = await startServer(options);
    try {
      await server.ready;
      const request = { prompt: "the whale", max_tokens: 9, temperature: 0, ignore_eos: true };
      const answer = await fetch(`${server.url}/v1/completions`, { method: "POST", body: JSON.stringify(request) });
      expect(await textOf(answer)).toBe(generate(other, ["the whale"], { maxTokens: 9, temperature: 0 })[0]!.text);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      const counts = metrics
        .match(/^vllm:spec_decode\w+\{.*$/gm)!
        .map((line) => line.replace(/model_name="other",?/, ""));
      // The first token follows the prompt, then two times three proposals and one more token.
      expect(counts).toEqual([
        "vllm:spec_decode_num_drafts_total{} 2",
        "vllm:spec_decode_num_draft_tokens_total{} 6",
        "vllm:spec_decode_num_accepted_tokens_total{} 6",
        ...[0, 1, 2].map((i) => `vllm:spec_decode_num_accepted_tokens_per_pos_total{position="${i}"} 2`),
      ]);
    } finally {
      await server.close();
    }
  });

  it("follows newer checkpoints of the model and of its own run, while drafted streams end with what they began with", async () => {
    const { workerFile } = tiny;
    const { backend } = tiny.server.engine;
    const run = path("large-run");
    const draftRun = path("draft-run");
    const models = [await saveTiny(checkpointDirectory(run, 1), {}, 14)];
    const draftOf = { numLayers: 1 };
    const drafts = [await saveTiny(checkpointDirectory(draftRun, 1), draftOf, 1)];
    const loaded: string[] = [];
    const server = await startServer({
      ...{ checkpoint: run, draft: { checkpoint: draftRun, tokens: 3 }, workerFile, backend, threads: 1, port: 0 },
      ...{ followSeconds: 0.1, onModel: ({ event }) => loaded.push(event) },
    });
    const ask = (more: object) =>
      fetch(`${server.url}/v1/completions`, {
        method: "POST",
        body: JSON.stringify({ prompt: "the whale", temperature: 0, ignore_eos: true, max_tokens: 120, ...more }),
      });
    const expected = (parts: (typeof models)[number]) =>
      generate(parts, ["the whale"], { maxTokens: 120, temperature: 0, stopTokens: [] })[0]!.text;
    /** Requests all the while, none of which fails, until a model has been replaced once more. */
    async function askUntil(reloads: number) {
      const texts = new Set<string>();
      const reloaded = () => loaded.filter((event) => event === "reloaded").length;
      for (let i = 0; i < 1000 && reloaded() < reloads; i++) texts.add(await textOf(await ask({})));
      expect(reloaded()).toBe(reloads);
      texts.add(await textOf(await ask({})));
      return texts;
    }
    try {
      await server.ready;
      const before = expected(models[0]!);
      const streams = await Promise.all([1, 2, 3].map(() => ask({ stream: true })));
      models.push(await saveTiny(checkpointDirectory(run, 2), {}, 15));
      const after = expected(models[1]!);
      expect(after).not.toBe(before);
      expect([...(await askUntil(1))].at(-1)).toBe(after);
      for (const stream of streams) {
        const events = await readEvents<OpenAI.Completion>(stream);
        expect(events.map(({ choices }) => choices[0]!.text).join("")).toBe(before);
      }
      // A newer draft changes how fast answers come, not what they say.
      drafts.push(await saveTiny(checkpointDirectory(draftRun, 2), draftOf, 2));
      expect([...(await askUntil(2))]).toEqual([after]);
      // One that cannot be loaded leaves both as they are.
      drafts.push(await saveTiny(checkpointDirectory(draftRun, 3), draftOf, 3));
      truncateSync(join(checkpointDirectory(draftRun, 3), "tokenizer.json"), 10);
      await expect.poll(() => loaded.at(-1), { timeout: 20_000 }).toBe("failed");
      expect(await textOf(await ask({}))).toBe(after);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      expect(Number(/^vllm:spec_decode_num_drafts_total\{.*\} (\d+)$/m.exec(metrics)![1])).toBeGreaterThan(100);
    } finally {
      await server.close();
      for (const { model } of [...models, ...drafts]) model.dispose();
    }
  });
});

describe("several models", () => {
  it("answer by their names, one in memory at a time where no two fit", async () => {
    const answer = await fetch(`${tiny.server.url}/v1/models`);
    const listed = (await answer.json()) as { data: { id: string }[] };
    expect(listed.data.map(({ id }) => id)).toEqual(["tiny", "other", "poems", "broken"]);
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
    const counted = { stream: true, stream_options: { include_usage: true } };
    const stream = await complete("tiny", { max_tokens: 180, ignore_eos: true, ...counted });
    const refused = await complete("other");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ error: { type: "server_error", code: "model_not_loaded" } });
    const answer = await readEvents<OpenAI.Completion>(stream);
    expect(answer.at(-1)!.usage!.completion_tokens).toBe(180);
    const both = await Promise.all([complete("other"), complete("other"), complete("other", { stream: true })]);
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200]);
    await readEvents(both[2]!);
  });

  it("answer with an adapter as the model that it is merged into, beside their own answers", async () => {
    const listed = await fetch(`${tiny.server.url}/v1/models/poems`);
    expect(await listed.json()).toMatchObject({ id: "poems", parent: "other", max_model_len: 192 });
    const merged = loadModel(path("other"), { adapter: path("poems") });
    merged.checkpoint.close();
    const parts = { model: merged.model, tokenizer: other.tokenizer };
    const prompts = ["the whale", "call me"];
    const expected = generate(parts, prompts, { maxTokens: 40, temperature: 0 });
    const [plain] = generate(other, ["the whale"], { maxTokens: 40, temperature: 0 });
    merged.model.dispose();
    const body = { max_tokens: 40 };
    const [adapted, own] = await Promise.all([
      complete("poems", { ...body, prompt: prompts }),
      complete("other", body),
    ]);
    const { choices, model } = (await adapted.json()) as OpenAI.Completion;
    expect([model, ...choices.map(({ text }) => text)]).toEqual(["poems", ...expected.map(({ text }) => text)]);
    expect(await textOf(own)).toBe(plain!.text);
    expect(plain!.text).not.toBe(expected[0]!.text);
    // What one has read is no beginning for the other.
    expect(await textOf(await complete("poems", body))).toBe(expected[0]!.text);
  });

  it("render chats by the adapter's own template, if it has one", async () => {
    const asked = { messages: [{ role: "user", content: "the whale" }] };
    const tokens = async (model: string) => {
      const answer = await tiny.post("/tokenize", { ...asked, model });
      return ((await answer.json()) as { tokens: number[] }).tokens;
    };
    expect(other.tokenizer.decode(await tokens("poems"))).toBe("the whale!");
    expect(other.tokenizer.decode(await tokens("other"))).toContain("<|im_start|>user\nthe whale");
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

describe("a model of a run", () => {
  const run = path("run");
  const options = { maxTokens: 120, temperature: 0 };
  let server: RunningServer;
  let first: Awaited<ReturnType<typeof saveTiny>>;
  const loaded: string[] = [];
  const post = (route: string, body: object) =>
    fetch(server.url + route, { method: "POST", body: JSON.stringify(body) });
  const ask = (more = {}) => post("/v1/completions", { prompt: "the whale", max_tokens: 120, temperature: 0, ...more });
  beforeAll(async () => {
    first = await saveTiny(checkpointDirectory(run, 1), {}, 4);
    const { workerFile } = tiny;
    const { backend } = tiny.server.engine;
    const base = { checkpoint: run, workerFile, backend, threads: 1, port: 0, allowReload: true, followSeconds: 0.2 };
    server = await startServer({ ...base, onModel: ({ event }) => loaded.push(event) });
    await server.ready;
  });
  afterAll(async () => {
    await server.close();
    first.model.dispose();
  });

  it("is replaced by a newer checkpoint, while streams in progress end with the one that they began with", async () => {
    const [before] = generate(first, ["the whale"], options);
    const streams = await Promise.all([1, 2, 3].map(() => ask({ stream: true })));
    const next = await saveTiny(checkpointDirectory(run, 2), {}, 5);
    const [after] = generate(next, ["the whale"], options);
    next.model.dispose();
    expect(after!.text).not.toBe(before!.text);
    // Requests all the while, none of which fails.
    const texts = new Set<string>();
    for (let i = 0; i < 500 && !texts.has(after!.text); i++) texts.add(await textOf(await ask()));
    expect(texts).toContain(after!.text);
    expect([...texts].every((text) => text === before!.text || text === after!.text)).toBe(true);
    for (const stream of streams) {
      const events = await readEvents<OpenAI.Completion>(stream);
      expect(events.map(({ choices }) => choices[0]!.text).join("")).toBe(before!.text);
    }
    expect(loaded).toEqual(["loaded", "reloaded"]);
  });

  it("answers others while it explains", async () => {
    expect((await post("/v1/explain", { input: "the" })).status).toBe(200);
    // More explanations than a few words take: in the model's own thread, these would wait for all of them.
    let answered = 0;
    const explanations = Array.from({ length: 4 }, () =>
      post("/v1/explain", { input: "the whale ".repeat(6) }).finally(() => answered++),
    );
    expect((await ask({ max_tokens: 4 })).status).toBe(200);
    expect(answered).toBeLessThan(4);
    for (const answer of await Promise.all(explanations)) expect(answer.status).toBe(200);
  });

  it("stays where a newer checkpoint cannot be loaded", async () => {
    const { status } = await post("/v1/reload", { model: "run" });
    expect(status).toBe(404);
    expect((await post("/v1/reload", {})).status).toBe(200);
    await saveTiny(checkpointDirectory(run, 3), {}, 6);
    truncateSync(join(checkpointDirectory(run, 3), "tokenizer.json"), 10);
    expect((await post("/v1/reload", {})).status).toBe(503);
    expect((await ask()).status).toBe(200);
    expect(loaded.at(-1)).toBe("failed");
  });
});
