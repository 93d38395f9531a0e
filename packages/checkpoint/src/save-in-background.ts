/**
 * Saves a checkpoint while its tensors change: their bytes are copied before the call returns, and written by a worker thread. The copy
 * takes as much memory as the checkpoint until it is written.
 */
import { Worker } from "node:worker_threads";
import { CheckpointError } from "./errors.ts";
import type { SaveCheckpointOptions } from "./save-checkpoint.ts";
import type { TensorEntry } from "./tensor-entry.ts";

type CopiedEntry = Omit<TensorEntry, "bytes"> & { bytes: Uint8Array };

/** What the worker starts with. */
export interface SaveWorkerData extends Omit<SaveCheckpointOptions, "groups" | "write"> {
  groups: { weights: CopiedEntry[]; optimizer?: CopiedEntry[] };
}

/** What the worker answers where it could not save. */
export interface SaveFailure {
  message: string;
  userError: boolean;
}

/** A save in progress. */
export interface BackgroundSave {
  /** Resolves when the checkpoint is on disk; rejects with a CheckpointError. */
  readonly done: Promise<void>;
  /** Gives up: the checkpoint may or may not be saved, but never a part of it. */
  abandon(): void;
}

/** The built worker: next to this file in the built package, or in dist/ when running from the sources. */
function builtWorker(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../dist/save-worker.js" : "./save-worker.js", import.meta.url);
}

/**
 * Reads every tensor, and takes over the memory that its `bytes` returns; then starts to save. As with `saveCheckpoint`, a crash at any moment leaves earlier checkpoints as they were. Only
 * one save at a time may write to a directory of checkpoints.
 * @param options.worker the built worker. Default: this package's
 */
export function saveInBackground(
  { groups, write: _, ...options }: SaveCheckpointOptions,
  { worker: file = builtWorker() }: { worker?: URL } = {},
): BackgroundSave {
  const copies = (entries: Iterable<TensorEntry>) => [...entries].map(copyOf);
  const { weights, optimizer } = groups;
  const data: SaveWorkerData = {
    ...options,
    groups: { weights: copies(weights), ...(optimizer && { optimizer: copies(optimizer) }) },
  };
  const buffers = Object.values(data.groups).flatMap((entries) => entries.map(({ bytes }) => bytes.buffer));
  const worker = new Worker(file, { workerData: data, transferList: buffers as ArrayBuffer[] });
  const done = new Promise<void>((resolve, reject) => {
    const fail = (message: string, userError = false) => reject(new CheckpointError(message, { userError }));
    worker.on("message", (failure: SaveFailure | null) => {
      if (failure) fail(failure.message, failure.userError);
      else resolve();
    });
    worker.on("error", (error) => fail(`cannot save ${options.directory}: ${(error as Error).message}`));
    worker.on("exit", (code) => fail(`cannot save ${options.directory}: its thread ended early (exit code ${code})`));
  });
  // Whoever waits for it hears of its failure; until then it is no unhandled rejection.
  done.catch(() => {});
  return { done, abandon: () => void worker.terminate() };
}

/** An entry with its bytes as they are now. */
function copyOf({ bytes, name, dtype, shape }: TensorEntry): CopiedEntry {
  return { name, dtype, shape: [...shape], bytes: bytes() };
}
