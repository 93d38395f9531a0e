/** Encodes tasks in worker threads, or in the calling thread where there are none. */
import { Worker } from "node:worker_threads";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type EncodedTask, type EncodingTask, encodeTask, type SpecialTokens } from "./encode.ts";
import { createSequenceSplitter, type SequenceUnit } from "./sequence-unit.ts";

/** Encodes tasks concurrently. */
export interface EncoderPool {
  /** Number of tasks to keep in flight. */
  readonly capacity: number;
  encode(task: EncodingTask): Promise<EncodedTask>;
  close(): Promise<void>;
}

/** Data that a worker starts with. */
export interface WorkerData {
  tokenizerPath: string;
  specialTokens: SpecialTokens;
  /** What a sequence is, if not a document. */
  unit: SequenceUnit | undefined;
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

/** The built worker: next to this file in the built package, or in dist/ when running from the sources. */
export function builtWorker(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../../dist/prepare-worker.js" : "./prepare-worker.js", import.meta.url);
}

/** Starts the workers. */
export function createEncoderPool(
  options: { tokenizer: Tokenizer; workers: number; workerFile: URL } & WorkerData,
): EncoderPool {
  const { tokenizer, tokenizerPath, specialTokens, unit, workerFile } = options;
  if (options.workers === 0) {
    const split = createSequenceSplitter(unit);
    const encode = async (task: EncodingTask) => encodeTask(tokenizer, task, { specialTokens, split });
    return { capacity: 1, encode, close: async () => {} };
  }
  const data: WorkerData = { tokenizerPath, specialTokens, unit };
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
  worker.on("exit", (code) => fail(new Error(`an encoding worker exited early (code ${code})`)));
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
