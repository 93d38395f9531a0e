/** Entry of a worker thread: loads the tokenizer, then encodes the tasks that come. A build entry of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { type EncodingTask, encodeTask } from "./encode.ts";

const port = parentPort;
if (!port) throw new Error("the encoding worker runs in a worker thread only");

const tokenizer = loadTokenizer((workerData as { tokenizerPath: string }).tokenizerPath);

port.on("message", async ({ id, task }: { id: number; task: EncodingTask }) => {
  try {
    const encoded = encodeTask(await tokenizer, task);
    const buffers = [encoded.tokens.buffer, encoded.lengths.buffer, encoded.counts.buffer] as ArrayBuffer[];
    port.postMessage({ id, encoded }, buffers);
  } catch (error) {
    port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
