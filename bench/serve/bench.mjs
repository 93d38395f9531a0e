/**
 * The server: 1,000 clients that stream from a small model, requests together against one after another, decoding through HTTP against
 * the library, the first token after a prefix that is in the cache, and eight streams against llama.cpp.
 *
 *     PEER_LLAMA=/directory/with/node_modules node bench/run.mjs serve [--quick]
 */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeRandomGpt2 } from "../decode/gguf.mjs";
import { median, runScript } from "../peers.mjs";

const small = { numLayers: 2, hiddenSize: 64, numHeads: 2, vocabularySize: 512, maxPositions: 128 };
const gpt2 = { numLayers: 12, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257, maxPositions: 1024 };

const script = (name) => new URL(name, import.meta.url);
const measure = (name, options) => runScript(process.execPath, script(name), options);

/** Runs a script beside others. */
async function runBeside(name, options) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(script(name)),
    JSON.stringify(options),
  ]);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Runs `use` beside a server, and returns what it returned and what the server took. */
async function withServer(options, use) {
  const child = spawn(process.execPath, [fileURLToPath(script("server.mjs")), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the server ended");
    return JSON.parse(value);
  };
  try {
    const result = await use((await next()).url);
    child.stdin.end();
    return { result, memory: await next() };
  } finally {
    child.kill();
  }
}

async function crowd({ home, quick }) {
  const checkpoint = join(home, "small");
  measure("model.mjs", { directory: checkpoint, config: small, threads: 1 });
  const [clients, seconds] = [1000, quick ? 8 : 120];
  const { result, memory } = await withServer({ checkpoint, threads: 1, maxQueue: clients }, (url) =>
    Promise.all([
      runBeside("crowd.mjs", { url, clients, seconds, maxTokens: 32 }),
      runBeside("health.mjs", { url, seconds }),
    ]),
  );
  const [{ completed = 0, 429: refused = 0, ...errors }, { p99, longest }] = result;
  const note = `${completed} streams completed, ${refused} refused with 429, errors ${JSON.stringify(errors)}`;
  const what = `${clients} streaming clients for ${seconds} s`;
  return [
    {
      what: `/health beside ${what}, 99th percentile`,
      note: `${note}, longest ${longest.toFixed(0)} ms`,
      ours: p99,
      unit: "ms",
      peer: "50 ms",
      theirs: 50,
      ratio: p99 / 50,
      atMost: 1,
    },
    {
      what: `resident memory, ${what}, at the end`,
      peer: "in the second quarter",
      ours: memory.late / 2 ** 20,
      theirs: memory.early / 2 ** 20,
      unit: "MiB",
      ratio: memory.late / memory.early,
      atMost: 1.1,
    },
  ];
}

async function together({ checkpoint, home, quick, threads, rounds }) {
  const requests = 8;
  const common = { requests, promptTokens: 16, maxTokens: quick ? 16 : 64 };
  const { result } = await withServer({ checkpoint, threads }, async (url) => {
    const [together, apart] = [[], []];
    for (let round = 0; round < rounds; round++) {
      together.push(measure("load.mjs", { url, ...common, concurrency: requests, seed: 2 * round }).tokensPerSecond);
      apart.push(measure("load.mjs", { url, ...common, concurrency: 1, seed: 2 * round + 1 }).tokensPerSecond);
    }
    return {
      together: median(together),
      apart: median(apart),
      ...measure("prefix.mjs", { url, rounds: quick ? 1 : 5 }),
    };
  });
  const { together: ours, apart, cold, warm } = result;
  const what = `${requests} requests together, GPT-2 124M, f32`;
  const llama =
    Boolean(process.env.PEER_LLAMA) && existsSync(join(process.env.PEER_LLAMA, "node_modules", "node-llama-cpp"));
  const modelPath = join(home, "gpt2.gguf");
  if (llama) writeRandomGpt2(modelPath, gpt2);
  const theirs = llama
    ? median(
        Array.from(
          { length: rounds },
          () => measure("llama.mjs", { ...common, concurrency: requests, threads, modelPath }).tokensPerSecond,
        ),
      )
    : undefined;
  return [
    { what, peer: "one after another", ours, theirs: apart, unit: "tokens/s", ratio: ours / apart, atLeast: 3 },
    {
      what,
      peer: llama ? "llama.cpp" : "llama.cpp: skipped, node-llama-cpp not found in PEER_LLAMA",
      ours,
      theirs,
      unit: "tokens/s",
      ratio: theirs && ours / theirs,
      atLeast: 1,
    },
    {
      what: "rate of first tokens after 1,000 tokens in the cache",
      peer: "after 1,000 others",
      ours: 1 / warm,
      theirs: 1 / cold,
      unit: "1/s",
      ratio: cold / warm,
      atLeast: 5,
    },
  ];
}

async function throughHttp({ checkpoint, quick, threads, rounds }) {
  const tokens = quick ? 16 : 64;
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const load = { requests: 3, concurrency: 1, promptTokens: 16, maxTokens: tokens };
    const { result } = await withServer({ checkpoint, threads, precision: "bf16" }, async (url) =>
      measure("load.mjs", { url, ...load }),
    );
    ours.push(1 / result.tpot);
    theirs.push(
      measure("../decode/decode.mjs", { tokens, backend: "native", threads, precision: "bf16" }).tokensPerSecond,
    );
  }
  const [our, their] = [median(ours), median(theirs)];
  return {
    what: "decode GPT-2 124M, batch 1, bf16 weights, through HTTP",
    peer: "the library",
    ours: our,
    theirs: their,
    unit: "tokens/s",
    ratio: our / their,
    atLeast: 0.9,
  };
}

export async function run({ quick = false, threads = 2 } = {}) {
  const home = mkdtempSync(join(tmpdir(), "megatron-bench-serve-"));
  try {
    const checkpoint = join(home, "gpt2");
    measure("model.mjs", { directory: checkpoint, config: gpt2, threads });
    const options = { home, checkpoint, quick, threads, rounds: quick ? 1 : 3 };
    return [...(await crowd(options)), ...(await together(options)), await throughHttp(options)];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
