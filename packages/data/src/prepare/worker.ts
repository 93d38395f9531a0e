/** Entry point of a worker thread: loads the tokenizer, then encodes tasks. Built as a file of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { type EncodingTask, encodeTask } from "./encode.ts";
import type { WorkerData } from "./encoder-pool.ts";
import { createSequenceSplitter } from "./sequence-unit.ts";

const port = parentPort;
if (!port) throw new Error("the encoding worker must run in a worker thread");

const { tokenizerPath, specialTokens, unit } = workerData as WorkerData;
const tokenizer = loadTokenizer(tokenizerPath);
const split = createSequenceSplitter(unit);

port.on("message", async ({ id, task }: { id: number; task: EncodingTask }) => {
  try {
    const encoded = encodeTask(await tokenizer, task, { specialTokens, split });
    const { tokens, lengths, sequences, counts } = encoded;
    const buffers = [tokens, lengths, sequences, counts].map(({ buffer }) => buffer as ArrayBuffer);
    port.postMessage({ id, encoded }, buffers);
  } catch (error) {
    port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
