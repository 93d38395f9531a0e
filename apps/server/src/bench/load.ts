/** Puts load on a server with OpenAI's API: streamed completions of random prompts, at random times. */
import { hashKey, uniforms } from "@megatron-ts/random";
import { ServerError } from "../errors.ts";
import { type LoadReport, type Objectives, type RequestTimes, summarize } from "./timings.ts";

/** Options of `measureServer`. */
export interface LoadOptions {
  /** Where the server is, without a path. */
  url: string;
  apiKey?: string;
  /** Number of requests. */
  requests: number;
  /** Requests per second, on average: they arrive by a Poisson process. Infinity sends all at once. */
  rate: number;
  /** The most requests at a time. */
  concurrency: number;
  promptTokens: number;
  maxTokens: number;
  seed?: number;
  /** What requests must meet to count for goodput. */
  objectives?: Objectives;
  /** Called with the fraction that has ended. */
  onProgress?: (fraction: number) => void;
}

const WORDS =
  "time year people way day thing world life hand part child eye place work week case point company number group";

const now = () => performance.now() / 1000;
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** Sends the requests and measures them. Throws a ServerError if the server cannot be reached. */
export async function measureServer(options: LoadOptions): Promise<LoadReport> {
  const {
    url,
    apiKey,
    requests,
    rate,
    concurrency,
    promptTokens,
    maxTokens,
    seed = 0,
    objectives,
    onProgress,
  } = options;
  const headers = { "Content-Type": "application/json", ...(apiKey && { Authorization: `Bearer ${apiKey}` }) };
  const post = (path: string, body: object) =>
    fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });

  /** Random words, cut to the number of tokens. */
  async function createPrompt(index: number): Promise<number[]> {
    const words = WORDS.split(" ");
    const draws = uniforms(hashKey(seed, "prompt", index), promptTokens);
    const prompt = Array.from(draws, (draw) => words[Math.floor(draw * words.length)]).join(" ");
    const answer = await post("/tokenize", { prompt });
    if (!answer.ok) throw new ServerError(`${url}/tokenize: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
    return ((await answer.json()) as { tokens: number[] }).tokens.slice(0, promptTokens);
  }

  const prompts: number[][] = [];
  try {
    for (let index = 0; index < requests; index++) prompts.push(await createPrompt(index));
  } catch (error) {
    if (error instanceof TypeError) throw new ServerError(`${url}: no server answers there`);
    throw error;
  }

  const start = now();
  const done: RequestTimes[] = [];
  const failed: Record<string, number> = {};
  let ended = 0;
  async function send(prompt: number[]) {
    const sent = now() - start;
    try {
      const body = {
        prompt,
        max_tokens: maxTokens,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
      };
      const answer = await post("/v1/completions", body);
      if (!answer.ok) {
        await answer.text();
        throw new Error(String(answer.status));
      }
      done.push({ sent, ...(await readStream(answer, start)), ended: now() - start });
    } catch (error) {
      const { message } = error as Error;
      failed[message] = (failed[message] ?? 0) + 1;
    }
    ended++;
    onProgress?.(ended / requests);
  }

  const gaps = Array.from(uniforms(hashKey(seed, "arrival"), requests), (draw) => -Math.log(1 - draw) / rate);
  const running = new Set<Promise<void>>();
  let due = start;
  for (const [index, prompt] of prompts.entries()) {
    if (index > 0) due += gaps[index]!;
    if (due > now()) await sleep(due - now());
    while (running.size >= concurrency) await Promise.race(running);
    const one = send(prompt).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  return summarize(done, { failed, duration: now() - start, objectives });
}

/** Reads a stream of completions to its end. */
async function readStream(answer: Response, start: number) {
  const pieces: number[] = [];
  let usage = { prompt_tokens: 0, completion_tokens: 0 };
  let rest = "";
  const decoder = new TextDecoder();
  const reader = answer.body!.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const data = line.replace(/^data: /, "");
      if (data === "[DONE]") continue;
      const event = JSON.parse(data) as {
        choices?: object[];
        usage?: typeof usage | null;
        error?: { message: string };
      };
      if (event.error) throw new Error(event.error.message);
      if (event.choices?.length) pieces.push(now() - start);
      if (event.usage) usage = event.usage;
    }
  }
  return { pieces, promptTokens: usage.prompt_tokens, generatedTokens: usage.completion_tokens };
}
