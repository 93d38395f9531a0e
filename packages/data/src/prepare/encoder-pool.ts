/** Encodes tasks in worker threads, or with none of them in the calling thread. */
import { Worker } from "node:worker_threads";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type EncodedTask, type EncodingTask, encodeTask } from "./encode.ts";
import { createRunSplitter, type Runs } from "./runs.ts";

export interface EncoderPool {
  /** Tasks that can be under way at once without one waiting. */
  readonly capacity: number;
  encode(task: EncodingTask): Promise<EncodedTask>;
  close(): Promise<void>;
}

/** What a worker is started with. */
export interface WorkerData {
  tokenizerPath: string;
  /** What is encoded by itself, where a document is not. */
  runs: Runs | undefined;
}

interface Answer {
  id: number;
  encoded?: EncodedTask;
  problem?: string;
}

interface Waiting {
  resolve(encoded: EncodedTask): void;
  reject(error: Error): void;
}

/** Where the built worker is: beside the built package, or under dist/ when this runs from its sources. */
export function builtWorker(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../../dist/prepare-worker.js" : "./prepare-worker.js", import.meta.url);
}

export function createEncoderPool(
  options: { tokenizer: Tokenizer; workers: number; workerFile: URL } & WorkerData,
): EncoderPool {
  const { tokenizer, tokenizerPath, runs, workerFile } = options;
  if (options.workers === 0) {
    const splitRuns = createRunSplitter(runs);
    const encode = async (task: EncodingTask) => encodeTask(tokenizer, task, { splitRuns });
    return { capacity: 1, encode, close: async () => {} };
  }
  const data: WorkerData = { tokenizerPath, runs };
  const workers = Array.from({ length: options.workers }, () => startWorker(workerFile, data));
  return {
    capacity: 2 * workers.length,
    encode: (task) => workers.reduce((best, worker) => (worker.load() < best.load() ? worker : best)).encode(task),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

function startWorker(file: URL, data: WorkerData) {
  const worker = new Worker(file, { workerData: data });
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on("message", ({ id, encoded, problem }: Answer) => {
    const task = waiting.get(id);
    waiting.delete(id);
    if (encoded) task?.resolve(encoded);
    else task?.reject(new Error(`encoding failed in a worker: ${problem}`));
  });
  worker.on("error", (error) => fail(error as Error));
  worker.on("exit", (code) => fail(new Error(`an encoding worker ended early (exit code ${code})`)));
  return {
    load: () => waiting.size,
    encode: (task: EncodingTask) =>
      new Promise<EncodedTask>((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.set(next, { resolve, reject });
        worker.postMessage({ id: next++, task });
      }),
    stop: () => worker.terminate(),
  };
}
