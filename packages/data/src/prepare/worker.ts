/** Entry of a worker thread: loads the tokenizer, then encodes the tasks that come. A build entry of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { type EncodingTask, encodeTask } from "./encode.ts";
import type { WorkerData } from "./encoder-pool.ts";
import { createRunSplitter } from "./runs.ts";

const port = parentPort;
if (!port) throw new Error("the encoding worker runs in a worker thread only");

const { tokenizerPath, runs: divided } = workerData as WorkerData;
const tokenizer = loadTokenizer(tokenizerPath);
const splitRuns = createRunSplitter(divided);

port.on("message", async ({ id, task }: { id: number; task: EncodingTask }) => {
  try {
    const encoded = encodeTask(await tokenizer, task, { splitRuns });
    const { tokens, lengths, runs, counts } = encoded;
    const buffers = [tokens, lengths, runs, counts].map(({ buffer }) => buffer as ArrayBuffer);
    port.postMessage({ id, encoded }, buffers);
  } catch (error) {
    port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
