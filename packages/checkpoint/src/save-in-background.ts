/**
 * Saves a checkpoint while its tensors change: their bytes are copied before the call returns, and written by a worker thread of each rank.
 * The copy takes as much memory as what the rank writes, until it is written.
 */
import { Worker } from "node:worker_threads";
import { agree, errorOf, type Outcome, SAVING_SECONDS, type SaveFailure, type SavingRanks } from "./agreement.ts";
import type { CheckpointPart, TensorGroups } from "./checkpoint-part.ts";
import { discardWorkplace, releaseWorkplace } from "./directory.ts";
import { type CheckpointFacts, type Draft, openDraft } from "./draft.ts";
import { CheckpointError } from "./errors.ts";
import { planSave, type SaveCheckpointOptions } from "./save-checkpoint.ts";
import type { TensorEntry } from "./tensor-entry.ts";

type CopiedEntry = Omit<TensorEntry, "bytes"> & { bytes: Uint8Array };

/** What the worker of a rank starts with. */
export interface SaveWorkerData {
  draft: Draft;
  groups: { weights: CopiedEntry[]; optimizer?: CopiedEntry[] };
  extraFiles: Readonly<Record<string, Uint8Array>>;
  maxShardBytes: number;
  facts: CheckpointFacts;
  /** The worker of the first rank of several completes the checkpoint, once it is sent what all have written. */
  rank: number;
  ranks: number;
}

/** What the worker answers when it has written, and again when it has completed the checkpoint. */
export type SaveAnswer = { result: CheckpointPart | null } | { failure: SaveFailure };

/** A save in progress. Where several ranks save, all of them make the same calls at the same times. */
export interface BackgroundSave {
  /**
   * Whether the checkpoint is on disk.
   * @throws CheckpointError where a rank failed
   */
  isDone(): boolean;
  /** Resolves when the checkpoint is on disk; rejects with a CheckpointError. */
  finish(): Promise<void>;
  /** Gives up: the checkpoint may or may not be saved, but never a part of it. */
  abandon(): void;
}

/** The built worker: next to this file in the built package, or in dist/ when running from the sources. */
function builtWorker(): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? "../dist/save-worker.js" : "./save-worker.js", import.meta.url);
}

/**
 * Reads every tensor, and takes over the memory that its `bytes` returns; then starts to save. As with `saveCheckpoint`, a crash at any
 * moment leaves earlier checkpoints as they were. Only one save at a time may write to a directory of checkpoints.
 * @param options.worker the built worker. Default: this package's
 * @throws CheckpointError if the checkpoint's directory cannot be made
 */
export function saveInBackground(
  { groups, ...options }: Omit<SaveCheckpointOptions, "write">,
  { worker: file = builtWorker() }: { worker?: URL } = {},
): BackgroundSave {
  const copied = copyAll(groups);
  const { facts, ranks, extraFiles, maxShardBytes, planned } = planSave({ ...options, groups: lazily(copied) });
  const draft = openDraft(options.directory, { planned, ranks });
  const { rank, size } = ranks;
  const workerData: SaveWorkerData = {
    ...{ draft, groups: copied, extraFiles, maxShardBytes, facts },
    ...{ rank, ranks: size },
  };
  const buffers = Object.values(copied).flatMap((entries) => entries.map(({ bytes }) => bytes.buffer));
  const worker = new Worker(file, { workerData, transferList: buffers as ArrayBuffer[] });
  const answers = answersOf(worker, options.directory);
  let isComplete = false;
  let isCommitting = size === 1;

  function isDone(): boolean {
    if (isComplete) return true;
    const answer = answers.latest();
    const state = slowest(answer ? ("error" in answer ? FAILED : ANSWERED) : WAITING, ranks);
    if (state === WAITING) return false;
    const parts = agreeOr(answer ?? { result: null });
    if (!isCommitting) {
      isCommitting = true;
      if (rank === 0) answers.send(parts);
      return false;
    }
    isComplete = true;
    if (rank === 0) releaseWorkplace(draft.workplace);
    return true;
  }

  function agreeOr(answer: Outcome<CheckpointPart | null>): (CheckpointPart | null)[] {
    try {
      return agree(answer, ranks);
    } catch (error) {
      abandon();
      if (rank === 0) discardWorkplace(draft.workplace);
      throw error;
    }
  }

  function abandon(): void {
    void worker.terminate();
    if (rank === 0) releaseWorkplace(draft.workplace);
  }

  return {
    isDone,
    async finish() {
      do {
        await answers.next();
        ranks.barrier({ patience: SAVING_SECONDS });
      } while (!isDone());
    },
    abandon,
  };
}

/** How far a rank's worker is; the highest of all ranks counts. */
const ANSWERED = 0;
const WAITING = 1;
const FAILED = 2;

function slowest(state: number, ranks: SavingRanks): number {
  const states = Float64Array.of(state);
  ranks.reduce(states, { operation: "max" });
  return states[0]!;
}

/** What a worker answers, of which only the latest counts. */
function answersOf(worker: Worker, directory: string) {
  let latest: Outcome<CheckpointPart | null> | null = null;
  let onAnswer = () => {};
  const take = (answer: Outcome<CheckpointPart | null>) => {
    latest ??= answer;
    onAnswer();
  };
  const fail = (reason: string) =>
    take({ error: new CheckpointError(`cannot save ${directory}: ${reason}`, { userError: false }) });
  worker.on("message", (answer: SaveAnswer) => {
    take("failure" in answer ? { error: errorOf(answer.failure) } : answer);
  });
  worker.on("error", (error) => fail((error as Error).message));
  worker.on("exit", (code) => fail(`its thread ended early (exit code ${code})`));
  return {
    latest: () => latest,
    next: () =>
      new Promise<void>((resolve) => {
        onAnswer = resolve;
        if (latest) resolve();
      }),
    /** Waits for another answer. */
    send(message: unknown) {
      latest = null;
      worker.postMessage(message);
    },
  };
}

function copyAll({ weights, optimizer }: TensorGroups): SaveWorkerData["groups"] {
  // Of an entry as it is now.
  const copies = (entries: Iterable<TensorEntry>) => [...entries].map((entry) => ({ ...entry, bytes: entry.bytes() }));
  return { weights: copies(weights), ...(optimizer && { optimizer: copies(optimizer) }) };
}

/** Copied entries as they are written. */
export function lazily({ weights, optimizer }: SaveWorkerData["groups"]): TensorGroups {
  const entries = (copied: readonly CopiedEntry[]) => copied.map((entry) => ({ ...entry, bytes: () => entry.bytes }));
  return { weights: entries(weights), ...(optimizer && { optimizer: entries(optimizer) }) };
}
