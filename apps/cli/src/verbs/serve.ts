/** `megatron serve`: serves a model over HTTP, with OpenAI's API. */
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import { readSmallFile } from "../read-small-file.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  host: string;
  port: number;
  name?: string;
  precision: "f32" | "bf16";
  maxBatch: number;
  maxQueue: number;
  cacheTokens?: number;
  chatTemplate?: string;
  apiKeyFile?: string;
  publicModels?: boolean;
  runs?: string;
  corsOrigin?: string[];
  drainSeconds: number;
  logRequests?: boolean;
  json?: boolean;
}

export function addServe(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .usage("<run> [options]")
    .description("serve a model over HTTP, with OpenAI's API")
    .argument("<run>", "run directory or checkpoint")
    .option("--host <address>", "address to listen on; 0.0.0.0 for other machines to reach it", nonEmpty, "127.0.0.1")
    .option("--port <n>", "port; 0 for any that is free", integer(0, 65_535), 8000)
    .option("--name <name>", "the model's name in requests (default: the directory's)", nonEmpty)
    .addOption(
      new Option("--precision <name>", "how weights are stored: bf16 halves memory and reads twice as fast, rounded")
        .choices(["f32", "bf16"])
        .default("f32"),
    )
    .option("--max-batch <n>", "the most sequences that are decoded together", integer(1), 16)
    .option("--max-queue <n>", "sequences that may wait for a place; more get status 429", integer(0), 256)
    .option("--cache-tokens <n>", "tokens in the key/value cache (default: for 4 sequences of full length)", integer(1))
    .option("--chat-template <file>", "Jinja template for chats (default: the checkpoint's)", nonEmpty)
    .option("--api-key-file <file>", "file with the keys that clients may send, one a line", nonEmpty)
    .option("--public-models", "whoever has no key may list the models")
    .option("--cors-origin <origin...>", "pages of other servers that may ask, such as https://a.example; * for all")
    .option("--runs <directory>", "show the training runs in this directory on the page", nonEmpty)
    .option("--drain-seconds <s>", "how long requests in progress may take at SIGTERM", number, 30)
    .option("--log-requests", "log every request to stderr, as JSON, without its contents")
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron serve runs/a",
    "megatron serve runs/a --port 8080 --precision bf16 --max-batch 32",
    "megatron serve runs/a --host 0.0.0.0 --api-key-file keys.txt --log-requests",
  ]);
}

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { startServer } = await import("@megatron-ts/server");
  const { maxBatch: maxSequences, chatTemplate, apiKeyFile, json, logRequests } = options;
  const server = await startServer({
    ...options,
    checkpoint: path,
    maxSequences,
    corsOrigins: options.corsOrigin,
    chatTemplate: chatTemplate === undefined ? undefined : readSmallFile(chatTemplate).toString(),
    apiKeys: apiKeyFile === undefined ? [] : readKeys(apiKeyFile),
    onRequest: logRequests
      ? (entry) => terminal.log(JSON.stringify({ time: new Date().toISOString(), ...entry }))
      : undefined,
  });
  const { backend, threads } = server.engine;
  terminal.log(`engine: ${backend}, ${threads === 1 ? "1 thread" : `${threads} threads`}`);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    terminal.log(`${signal}: requests in progress may end; once more to stop now`);
    stop();
    // At the second signal, those that are left are cut off.
    for (const other of signals) process.once(other, () => void server.close());
  };
  for (const signal of signals) process.once(signal, onSignal);
  try {
    await Promise.race([server.ready, stopped]);
    if (json) terminal.json({ url: server.url, model: server.name, ...server.engine });
    else terminal.print(`serving ${server.name} at ${server.url}/v1; the page: ${server.url}`);
    await Promise.race([stopped, server.failed]);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await server.close();
    for (const signal of signals) process.removeAllListeners(signal);
  }
}

/** The lines of a file, without empty ones and comments. */
function readKeys(path: string): string[] {
  const keys = readSmallFile(path)
    .toString()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0) throw new UsageError(`${path}: expected at least one key, each in a line of its own`);
  return keys;
}
