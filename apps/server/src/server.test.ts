/** What the server does around its answers: its life, its limits, and input that means harm. */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measureServer } from "./bench/load.ts";
import type { RequestLog } from "./options.ts";
import { startServer } from "./serve.ts";
import { readEvents } from "./testing/events.ts";
import { startTiny, type TinyServer } from "./testing/tiny-server.ts";

let tiny: TinyServer;
const logs: RequestLog[] = [];
const KEY = "sk-first";
const limits = { maxSequences: 2, maxQueue: 2, maxBodyBytes: 20_000, requestTimeout: 1 };
beforeAll(async () => {
  tiny = await startTiny({ ...limits, apiKeys: ["sk-second", KEY], onRequest: (entry) => logs.push(entry) });
});
afterAll(() => tiny.stop());

const authorization = { Authorization: `Bearer ${KEY}` };
const get = (path: string, headers = {}) => fetch(tiny.server.url + path, { headers });
const post = (body: unknown, path = "/v1/completions") => tiny.post(path, body, authorization);
const long = { prompt: "the", max_tokens: 180, ignore_eos: true, temperature: 0 };

const metric = async (name: string) => {
  const text = await (await get("/metrics")).text();
  return Number(new RegExp(`^${name}\\{[^}]*\\} (.+)$`, "m").exec(text)?.[1]);
};
const until = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe("the server", () => {
  it("answers the openai package", async () => {
    const client = new OpenAI({ apiKey: KEY, baseURL: `${tiny.server.url}/v1`, maxRetries: 0 });
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual(["tiny"]);
    expect(await client.models.retrieve("tiny")).toMatchObject({ id: "tiny", object: "model" });
    const body = { model: "tiny", prompt: "the whale", max_tokens: 12, temperature: 0 };
    const whole = await client.completions.create(body);
    let text = "";
    const stream = await client.completions.create({ ...body, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]!.text;
    expect(text).toBe(whole.choices[0]!.text);
    const failure = client.completions.create({ ...body, model: "other" });
    await expect(failure).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
  });

  it("needs a key, but not for health and metrics", async () => {
    expect((await get("/health")).status).toBe(200);
    expect((await get("/metrics")).status).toBe(200);
    for (const headers of [{}, { Authorization: "Bearer sk-third" }, { Authorization: KEY }]) {
      const answer = await get("/v1/models", headers);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { type: "authentication_error", param: null } });
    }
    expect((await get("/v1/models", authorization)).status).toBe(200);
  });

  it("names requests in answers and logs, without their contents", async () => {
    const answer = await tiny.post(
      "/v1/completions",
      { prompt: "secret" },
      { ...authorization, "X-Request-Id": "mine-1" },
    );
    expect(answer.headers.get("x-request-id")).toBe("mine-1");
    const entry = logs.at(-1)!;
    expect(entry).toMatchObject({ id: "mine-1", method: "POST", path: "/v1/completions", status: 200 });
    expect(JSON.stringify(logs)).not.toContain("secret");
    expect((await get("/health", { "X-Request-Id": "a\tb" })).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ["{", /JSON/, null],
    ["[]", /./, null],
    ["null", /./, null],
    ["", /JSON/, null],
    ["[".repeat(15_000), /JSON/, null],
    [{}, /prompt/, "prompt"],
    [{ prompt: 7 }, /prompt/, "prompt"],
    [{ prompt: [] }, /at least|>=1|small/i, "prompt"],
    [{ prompt: "a", stop: new Array(99).fill("b") }, /big/i, "stop"],
    [{ prompt: "a", structured_outputs: { choice: new Array(2000).fill("b") } }, /big/i, "structured_outputs.choice"],
    [{ prompt: "a", temprature: 1 }, /temprature/, "temprature"],
    [{ prompt: "a", temperature: -1 }, /temperature/, "temperature"],
    [{ prompt: "a", n: 0 }, /n:/, "n"],
    [{ prompt: "a", max_tokens: 1e9 }, /192/, "max_tokens"],
    [{ prompt: "a ".repeat(300) }, /takes at most 192/, "max_tokens"],
    [{ prompt: [100_000] }, /100000/, null],
    [{ prompt: [-1] }, /prompt/, "prompt.0"],
    [{ prompt: "a", logit_bias: { 5000: 1 } }, /no token 5000/, null],
    [{ prompt: "a", stop: "" }, /stop/, "stop"],
    [{ prompt: "a", best_of: 3 }, /best_of/, "best_of"],
    [{ prompt: "a", suffix: "b" }, /suffix/, "suffix"],
    [{ prompt: "a", structured_outputs: { regex: "[^\\s\\S]" } }, /no text/, null],
    [{ prompt: "a", structured_outputs: { json: { type: "integer", enum: ["b"] } } }, /no integer/, null],
  ])("answers case %# with status 400 and what is wrong", async (body, message, param) => {
    const answer = await post(body);
    const { error } = (await answer.json()) as { error: { message: string; type: string; param: string | null } };
    expect([answer.status, error.type, error.param]).toEqual([400, "invalid_request_error", param]);
    expect(error.message).toMatch(message);
  });

  it("refuses bodies that are too large or not UTF-8, and paths that are none", async () => {
    expect((await post({ prompt: "a".repeat(30_000) })).status).toBe(413);
    const chunked = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000).fill(97)),
    });
    const options = { method: "POST", headers: authorization, body: chunked, duplex: "half" } as RequestInit;
    // The server may close the connection before it has answered a body without an end.
    const status = await fetch(`${tiny.server.url}/v1/completions`, options)
      .then((answer) => answer.status)
      .catch(() => 413);
    expect(status).toBe(413);
    const bytes = await fetch(`${tiny.server.url}/v1/completions`, {
      method: "POST",
      headers: authorization,
      body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    });
    expect([bytes.status, await bytes.text()]).toEqual([400, expect.stringContaining("UTF-8")]);
    for (const path of ["/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00", "/v1/models/%ff", "/v1/nothing"]) {
      expect((await get(path, authorization)).status, path).toBe(404);
    }
  });

  it("answers other methods of a route with 405 and those that it has, and bodies that end early with 400", async () => {
    const ask = (method: string, path: string) => fetch(tiny.server.url + path, { method, headers: authorization });
    for (const [method, path, allowed] of [
      ["GET", "/v1/completions", "POST"],
      ["DELETE", "/v1/models/tiny", "GET, HEAD"],
      ["PUT", "/health", "GET, HEAD"],
    ] as const) {
      const answer = await ask(method, path);
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, allowed]);
      expect(await answer.json()).toMatchObject({ error: { code: "method_not_allowed" } });
    }
    const before = logs.length;
    const socket = connect(Number(new URL(tiny.server.url).port), "127.0.0.1");
    socket.on("error", () => {});
    const [key] = Object.values(authorization);
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: ${key}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await expect.poll(() => logs.length).toBe(before + 1);
    expect(logs.at(-1)).toMatchObject({ path: "/v1/completions", status: 400 });
  });

  it("keeps special tokens that a prompt spells out as text", async () => {
    const prompt = "the<|endoftext|><|im_end|>";
    const answer = await post({ prompt, max_tokens: 0, echo: true, logprobs: 0 });
    const { choices, usage } = (await answer.json()) as OpenAI.Completion;
    expect(choices[0]!.text).toBe(prompt);
    expect(choices[0]!.logprobs!.tokens!.join("")).toBe(prompt);
    expect(usage!.prompt_tokens).toBeGreaterThan(10);
  });

  it("refuses more requests than may wait, with 429 and Retry-After", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(long)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ error: { code: "queue_full", type: "rate_limit_error" } });
    expect((await post({ ...long, n: 5 })).status).toBe(429);
    expect((await post({ ...long, max_tokens: 1 })).status).toBe(200);
  });

  it("stops generating when the client leaves, streaming or not, and answers health meanwhile", async () => {
    for (const stream of [true, false]) {
      const before = await metric("vllm:generation_tokens_total");
      const controller = new AbortController();
      const answer = fetch(`${tiny.server.url}/v1/completions`, {
        method: "POST",
        headers: authorization,
        body: JSON.stringify({ ...long, stream, n: 2 }),
        signal: controller.signal,
      }).then((response) => response.text());
      answer.catch(() => {});
      await until(async () => (await metric("vllm:num_requests_running")) === 2);
      expect((await get("/health")).status).toBe(200);
      controller.abort();
      await expect(answer).rejects.toThrow();
      // Without another request that would bring them up to date.
      await until(async () => (await metric("vllm:num_requests_running")) === 0);
      expect(await metric("vllm:kv_cache_usage_perc")).toBe(0);
      expect((await post({ ...long, max_tokens: 1 })).status).toBe(200);
      expect((await metric("vllm:generation_tokens_total")) - before).toBeLessThan(360);
    }
  });

  /** What the server answers to these bytes before it closes the connection. */
  async function exchange(bytes: string): Promise<string> {
    const { hostname, port } = new URL(tiny.server.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(bytes);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    await once(socket, "close");
    return answer;
  }

  it("cuts clients off that send slowly", async () => {
    const slow = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    expect(await exchange(slow)).toMatch(/^HTTP\/1\.1 4/);
  });

  it("answers load balancers that speak HTTP/1.0 without a host", async () => {
    expect(await exchange("GET /health HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200/);
  });

  it("counts in Prometheus' format, under vLLM's names", async () => {
    const [before] = await Promise.all([metric("vllm:prompt_tokens_total")]);
    const ended = await metric("vllm:e2e_request_latency_seconds_count");
    const answer = (await (
      await post({ prompt: "the whale", max_tokens: 5, ignore_eos: true })
    ).json()) as OpenAI.Completion;
    expect((await metric("vllm:prompt_tokens_total")) - before).toBe(answer.usage!.prompt_tokens);
    expect((await metric("vllm:e2e_request_latency_seconds_count")) - ended).toBe(1);
    expect((await get("/metrics")).headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  it("is measured under load, and what it refuses is counted", async () => {
    const load = { url: tiny.server.url, apiKey: KEY, requests: 10, concurrency: 3, promptTokens: 12, maxTokens: 5 };
    const report = await measureServer({ ...load, rate: 1000 });
    expect(report).toMatchObject({ completed: 10, failed: {}, promptTokens: 120, generatedTokens: 50 });
    expect(report.e2el.median).toBeGreaterThan(report.ttft.median);
    const flooded = await measureServer({ ...load, maxTokens: 60, rate: 1e6, concurrency: 100 });
    expect(flooded.completed + flooded.failed[429]!).toBe(10);
    await expect(measureServer({ ...load, rate: 1, url: "http://127.0.0.1:1" })).rejects.toThrow(/no server/);
  });

  it("refuses a port in use, a directory without a checkpoint, and runs that are none", async () => {
    const port = Number(new URL(tiny.server.url).port);
    const { checkpoint, workerFile } = tiny;
    const options = { checkpoint, workerFile, backend: tiny.server.engine.backend, threads: 1 };
    await expect(startServer({ ...options, port })).rejects.toMatchObject({ name: "ServerError", userError: true });
    await expect(startServer({ ...options, checkpoint: "." })).rejects.toMatchObject({ userError: true });
    await expect(startServer({ ...options, runs: "nowhere" })).rejects.toMatchObject({ name: "ServerError" });
  });

  it("answers 503 while it loads, and ends requests in progress before it closes", async () => {
    const { checkpoint, workerFile } = tiny;
    const options = { checkpoint, workerFile, backend: tiny.server.engine.backend, threads: 1, port: 0 };
    const server = await startServer(options);
    const url = (path: string) => server.url + path;
    expect((await fetch(url("/health"))).status).toBe(503);
    const early = await fetch(url("/v1/models"));
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "5"]);
    await server.ready;
    expect((await fetch(url("/health"))).status).toBe(200);
    const streamed = await fetch(url("/v1/completions"), {
      method: "POST",
      body: JSON.stringify({ ...long, stream: true, stream_options: { include_usage: true } }),
    });
    const closed = server.close();
    const events = await readEvents<OpenAI.Completion>(streamed);
    expect(events.at(-1)!.usage!.completion_tokens).toBe(long.max_tokens);
    await closed;
    const refused = httpRequest(url("/health"));
    refused.end();
    await expect(once(refused, "response")).rejects.toThrow(/ECONNREFUSED/);
  });
});
