/**
 * Runs the ranks of a run as threads of this process, and supervises them: the first that fails or ends early ends all. The
 * supervising thread does none of the work, so that it can answer signals.
 */
import { hostname } from "node:os";
import { Worker } from "node:worker_threads";
import { RankError } from "../errors.ts";
import type { RankMessage, RankThreadData } from "./rank-thread.ts";
import { allocateSharedMemory } from "./shared-memory.ts";

/** Options of `runRankThreads`. */
export interface RankThreadsOptions {
  /** The module that each thread runs; it calls `serveRankThread`. */
  file: URL;
  ranks: number;
  /** Passed to each rank, as structured clones. */
  data: unknown;
  /** For every message of a rank. */
  onMessage?: (message: unknown, rank: number) => void;
  /** Receives a function that asks the ranks to stop, with the number of a signal. */
  onStart?: (requestStop: (signal: number) => void) => void;
  /** Seconds, besides a multiple of the time its own work takes, that a rank waits for another. */
  timeoutSeconds?: number;
  /** Bytes that a mailbox between two ranks takes at a time. */
  chunkBytes?: number;
}

/**
 * Runs the ranks to their end and returns the results, in rank order.
 * @throws the first error of a rank; a RankError for one that ended early
 */
export async function runRankThreads({ file, ranks, data, ...options }: RankThreadsOptions): Promise<unknown[]> {
  const { onMessage = () => {}, onStart = () => {}, timeoutSeconds, chunkBytes } = options;
  const memory = allocateSharedMemory(ranks, { chunkBytes });
  const stop = new SharedArrayBuffer(4);
  const host = hostname();
  const workers = Array.from({ length: ranks }, (_, rank) => {
    const workerData: RankThreadData = { memory, rank, host, timeoutSeconds, stop, data };
    return new Worker(file, { workerData });
  });
  onStart((signal) => void Atomics.store(new Int32Array(stop), 0, signal));
  try {
    return await Promise.all(workers.map((worker, rank) => resultOf(worker, { rank, host, onMessage })));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function resultOf(
  worker: Worker,
  { rank, host, onMessage }: { rank: number; host: string; onMessage: (message: unknown, rank: number) => void },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message: RankMessage) => {
      if (message.type === "message") onMessage(message.message, rank);
      else if (message.type === "done") resolve(message.result);
      else reject(errorOf(message));
    });
    worker.on("error", (error) => reject(new RankError(`rank ${rank} on ${host} ended: ${(error as Error).message}`)));
    worker.on("exit", (code) => reject(new RankError(`rank ${rank} on ${host} ended early (exit code ${code})`)));
  });
}

/** An error as the rank threw it: its class is lost between threads, its name and fields are not. */
function errorOf({ name, message, stack, details }: Extract<RankMessage, { type: "failed" }>): Error {
  return Object.assign(new Error(message), details, { name, stack });
}
