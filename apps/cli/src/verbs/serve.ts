/** `megatron serve`: serves a model over HTTP, with OpenAI's API. */
import { existsSync } from "node:fs";
import type { ModelEvent } from "@megatron-ts/server";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number, positive } from "../options/option-values.ts";
import { readSmallFile } from "../read-small-file.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions {
  host: string;
  port: number;
  name?: string;
  precision: "f32" | "bf16";
  adapter?: string[];
  draft?: string[];
  draftTokens?: number;
  follow?: number | true;
  allowReload?: boolean;
  memoryLimit?: number;
  maxBatch: number;
  maxQueue: number;
  cacheTokens?: number;
  chatTemplate?: string;
  apiKeyFile?: string;
  publicModels?: boolean;
  data?: true | string[];
  runs?: string;
  corsOrigin?: string[];
  drainSeconds: number;
  logRequests?: boolean;
  json?: boolean;
}

export function addServe(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .usage("<run...> [options]")
    .description("serve models over HTTP, with OpenAI's API")
    .argument("<run...>", "run directories or checkpoints, or name=directory; the first is the default of requests")
    .option("--host <address>", "address to listen on; 0.0.0.0 for other machines to reach it", nonEmpty, "127.0.0.1")
    .option("--port <n>", "port; 0 for any that is free", integer(0, 65_535), 8000)
    .option("--name <name>", "the first model's name in requests (default: the directory's)", nonEmpty)
    .option("--adapter <name=run...>", "LoRA adapters beside the first model, or model:name=run beside another")
    .option("--draft <run...>", "smaller model of the same tokenizer that proposes tokens to the first, or model=run")
    .option("--draft-tokens <k>", "tokens that drafts propose at a time (default: 4)", integer(1, 16))
    .option("--follow [seconds]", "replace models by newer checkpoints of their runs; look every 10 seconds", positive)
    .option("--allow-reload", "clients may have a model replaced by its newest checkpoint, with POST /v1/reload")
    .option("--memory-limit <gb>", "GB that models take together; the least recently used is unloaded", positive)
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
    .option(
      "--data [prefixes...]",
      "let clients search this prepared data for passages near a text (default: the model's own)",
    )
    .option("--runs <directory>", "show the training runs in this directory on the page", nonEmpty)
    .option("--drain-seconds <s>", "how long requests in progress may take at SIGTERM", number, 30)
    .option("--log-requests", "log every request to stderr, as JSON, without its contents")
    .action((paths: string[], options: Options) => run(paths, options, terminal));
  addExamples(addJsonOption(addEngineOptions(command)), [
    "megatron serve runs/a",
    "megatron serve runs/a --port 8080 --precision bf16 --max-batch 32",
    "megatron serve runs/base --adapter poems=runs/poems letters=runs/letters",
    "megatron serve runs/large --draft runs/small",
    "megatron serve runs/a --follow",
    "megatron serve small=runs/a large=runs/b --memory-limit 8",
    "megatron serve runs/a --host 0.0.0.0 --api-key-file keys.txt --log-requests",
  ]);
}

/** A name and a directory; a directory that exists is one even with a sign of equality in its name. */
function parseModel(text: string): { checkpoint: string; name?: string } {
  const [, name, checkpoint] = /^([^=/\\]+)=(.+)$/.exec(text) ?? [];
  return checkpoint === undefined || existsSync(text) ? { checkpoint: text } : { checkpoint, name };
}

type Model = ReturnType<typeof parseModel> & {
  adapters?: { name: string; directory: string }[];
  draft?: { checkpoint: string; tokens?: number };
};

/** Adds each draft to its model: `run` to the first, `model=run` to another. */
function withDrafts(models: readonly Model[], { draft: drafts = [], draftTokens: tokens }: Options): Model[] {
  if (drafts.length === 0 && tokens !== undefined) throw new UsageError("--draft-tokens needs --draft");
  const added = models.map((model) => ({ ...model }));
  for (const text of drafts) {
    const { name, checkpoint } = parseModel(text);
    const model = name === undefined ? added[0]! : added.find((one) => (one.name ?? one.checkpoint) === name);
    if (!model) throw new UsageError(`--draft ${text}: no model is given as ${name}=<run>`);
    if (model.draft) throw new UsageError(`--draft ${text}: the model has a draft already`);
    model.draft = { checkpoint, tokens };
  }
  return added;
}

/** Adds each adapter to its model: `name=run` to the first, `model:name=run` to another. */
function withAdapters(models: readonly Model[], adapters: readonly string[]): Model[] {
  const added = models.map((model) => ({ ...model, adapters: [...(model.adapters ?? [])] }));
  for (const text of adapters) {
    const [, base, name, directory] = /^(?:([^:=]+):)?([^:=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || directory === undefined) {
      throw new UsageError(`--adapter ${text}: expected name=run, or model:name=run`);
    }
    const model = base === undefined ? added[0] : added.find((one) => (one.name ?? one.checkpoint) === base);
    if (!model) throw new UsageError(`--adapter ${text}: no model is given as ${base}=<run>`);
    model.adapters.push({ name, directory });
  }
  return added;
}

async function run(paths: readonly string[], options: Options, terminal: Terminal): Promise<void> {
  const { startServer } = await import("@megatron-ts/server");
  const { formatBytes } = await import("@megatron-ts/train");
  const [first, ...others] = withDrafts(withAdapters(paths.map(parseModel), options.adapter ?? []), options);
  const { draft: _, ...own } = options;
  const { maxBatch: maxSequences, memoryLimit, follow, chatTemplate, apiKeyFile, json, logRequests } = options;
  const server = await startServer({
    ...own,
    ...first!,
    ...(options.name !== undefined && { name: options.name }),
    others,
    followSeconds: follow === true ? 10 : follow,
    memoryLimit: memoryLimit === undefined ? undefined : memoryLimit * 1e9,
    maxSequences,
    corsOrigins: options.corsOrigin,
    chatTemplate: chatTemplate === undefined ? undefined : readSmallFile(chatTemplate).toString(),
    apiKeys: apiKeyFile === undefined ? [] : readKeys(apiKeyFile),
    onRequest: logRequests
      ? (entry) => terminal.log(JSON.stringify({ time: new Date().toISOString(), ...entry }))
      : undefined,
    onModel: (event) => {
      if (paths.length > 1 || event.event === "failed" || event.event === "reloaded")
        terminal.log(describeModel(event, formatBytes));
    },
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
    if (json) terminal.json({ url: server.url, model: server.names[0], models: server.names, ...server.engine });
    else terminal.print(`serving ${server.names.join(", ")} at ${server.url}/v1; the page: ${server.url}`);
    await Promise.race([stopped, server.failed]);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await server.close();
    for (const signal of signals) process.removeAllListeners(signal);
  }
}

function describeModel({ model, event, bytes, message }: ModelEvent, format: (bytes: number) => string): string {
  if (event === "failed") return `${model} cannot be loaded: ${message}`;
  return bytes === undefined ? `${model}: ${event}` : `${model}: ${event}, ${format(bytes)}`;
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
