/** Entry of a worker thread: loads the tokenizer, then encodes the tasks that come. A build entry of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { createSentenceSplitter } from "../steps/sentences.ts";
import { type EncodingTask, encodeTask } from "./encode.ts";
import type { WorkerData } from "./encoder-pool.ts";

const port = parentPort;
if (!port) throw new Error("the encoding worker runs in a worker thread only");

const { tokenizerPath, sentenceLanguage } = workerData as WorkerData;
const tokenizer = loadTokenizer(tokenizerPath);
const splitSentences = sentenceLanguage === undefined ? undefined : createSentenceSplitter(sentenceLanguage);

port.on("message", async ({ id, task }: { id: number; task: EncodingTask }) => {
  try {
    const encoded = encodeTask(await tokenizer, task, { splitSentences });
    const { tokens, lengths, runs, counts } = encoded;
    const buffers = [tokens, lengths, runs, counts].map(({ buffer }) => buffer as ArrayBuffer);
    port.postMessage({ id, encoded }, buffers);
  } catch (error) {
    port.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
});
