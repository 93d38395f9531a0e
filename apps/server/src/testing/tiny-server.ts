/** A server of a tiny model with random weights, and the same model in this thread to compare with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { createIndexedDatasetWriter } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type Model, type ModelConfigInput } from "@megatron-ts/model";
import { createTokenizer, formatTokenizerJson, type Tokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { buildRank } from "../../../../packages/parallel/src/testing/build-rank.ts";
import type { ServerOptions } from "../options.ts";
import { type RunningServer, startServer } from "../serve.ts";

/** Tells turns apart by special tokens, and uses a filter that would move misplaced marks. */
const TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content | trim }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const TEXTS = [
  "the whale and the sea, the white whale in the old sea 🐋 naïve",
  "call me Ishmael. some years ago, never mind",
];

/** A tiny server. */
export interface TinyServer {
  server: RunningServer;
  checkpoint: string;
  workerFile: URL;
  model: Model;
  tokenizer: Tokenizer;
  /** Sends JSON to a path. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

/** Saves a tiny checkpoint in a directory. */
export async function saveTiny(
  directory: string,
  config: Partial<ModelConfigInput> = {},
  seed = 1,
): Promise<{ model: Model; tokenizer: Tokenizer }> {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "auto" });
  const specialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "[MASK]", "<pad>"];
  const json = await trainBpe(TEXTS, { vocabularySize: 300, specialTokens });
  const tokenizer = await createTokenizer(json);
  const shape = { numLayers: 2, hiddenSize: 32, numHeads: 2, maxPositions: 192, initializerRange: 0.3 };
  const full = { family: "gpt", ...shape, vocabularySize: tokenizer.vocabularySize, ...config } as ModelConfigInput;
  const model = createModel(full, { weights: { seed } });
  const text = (value: string) => new Uint8Array(Buffer.from(value));
  await saveCheckpoint({
    directory,
    step: 0,
    consumedSamples: 0,
    model: { ...model.config },
    tokenizerFingerprint: tokenizer.fingerprint,
    groups: { weights: weightEntries(model.parameters) },
    extraFiles: {
      "tokenizer.json": text(formatTokenizerJson(json)),
      "tokenizer_config.json": text(JSON.stringify({ eos_token: "<|endoftext|>", chat_template: TEMPLATE })),
    },
  });
  return { model, tokenizer };
}

/** Writes the tokenizer's texts as data, a document each. */
function writeData(prefix: string, tokenizer: Tokenizer): string {
  const writer = createIndexedDatasetWriter(prefix, { type: "u16" });
  for (const text of TEXTS) writer.addDocument(tokenizer.encode(text, { addSpecialTokens: false }));
  writer.finish();
  return prefix;
}

/** Starts a server and waits until its model is loaded. With `data: true` it shows the texts of its tokenizer. */
export async function startTiny(
  options: Partial<ServerOptions> = {},
  config: Partial<ModelConfigInput> = {},
): Promise<TinyServer> {
  const directory = mkdtempSync(join(tmpdir(), "megatron-server-"));
  const checkpoint = join(directory, "tiny");
  const { model, tokenizer } = await saveTiny(checkpoint, config);
  const worker = await buildRank(new URL("../worker.ts", import.meta.url));
  const backend = process.env.MEGATRON_BACKEND ?? "auto";
  const workerFile = worker.file;
  const data = options.data === true ? [writeData(join(directory, "data"), tokenizer)] : options.data;
  const server = await startServer({ checkpoint, port: 0, backend, threads: 1, workerFile, ...options, data });
  await server.ready;
  return {
    server,
    checkpoint,
    workerFile,
    model,
    tokenizer,
    post: (path, body, headers = {}) =>
      fetch(server.url + path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: { "Content-Type": "application/json", ...headers },
      }),
    async stop() {
      await server.close();
      model.dispose();
      worker.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
