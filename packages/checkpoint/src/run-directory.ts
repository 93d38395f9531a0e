/** The checkpoints of one run: step-00000100, step-00000200, ... Incomplete ones are ignored. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deleteDirectory, listDirectories } from "./directory.ts";
import { CheckpointError, userError } from "./errors.ts";
import { verifyCheckpoint } from "./load-checkpoint.ts";
import { manifestFile, readManifest } from "./manifest.ts";
import type { RetainedCheckpoint } from "./retention.ts";

/** A checkpoint in a run directory. */
export interface SavedCheckpoint {
  step: number;
  directory: string;
}

/** Path of the checkpoint of a step: `<runDirectory>/step-00000100`. */
export function checkpointDirectory(runDirectory: string, step: number): string {
  return join(runDirectory, `step-${String(step).padStart(8, "0")}`);
}

const stepDirectories = (runDirectory: string) =>
  listDirectories(runDirectory).filter(({ name }) => /^step-\d{8,}$/.test(name));

/** Lists the checkpoints in a run directory, oldest first; none if it does not exist. */
export function listCheckpoints(runDirectory: string): SavedCheckpoint[] {
  return stepDirectories(runDirectory)
    .filter(({ path }) => existsSync(join(path, manifestFile)))
    .map(({ name, path }) => ({ step: Number(name.slice("step-".length)), directory: path }))
    .toSorted((a, b) => a.step - b.step);
}

/** Returns the newest checkpoint in a run directory, if there is one. */
export function latestCheckpoint(runDirectory: string): SavedCheckpoint | undefined {
  // A run that keeps one checkpoint may delete it, after it saved the next, between the listing and the look at its manifest.
  for (let tries = 1; tries < MOST_LISTINGS; tries++) {
    const latest = listCheckpoints(runDirectory).at(-1);
    if (latest || stepDirectories(runDirectory).length === 0) return latest;
  }
  return listCheckpoints(runDirectory).at(-1);
}

const MOST_LISTINGS = 10;

/** A checkpoint that cannot be loaded, and why, in one line. */
export interface DamagedCheckpoint extends SavedCheckpoint {
  reason: string;
}

/**
 * Finds the newest checkpoint in a run directory whose files are all intact, and the newer ones that are not. Reads every
 * byte of those that it tries.
 * @throws CheckpointError if there are checkpoints but none is intact, and if the machine fails
 */
export function latestIntactCheckpoint(runDirectory: string): {
  checkpoint: SavedCheckpoint | undefined;
  damaged: DamagedCheckpoint[];
} {
  const damaged: DamagedCheckpoint[] = [];
  let newest: unknown;
  for (const checkpoint of listCheckpoints(runDirectory).reverse()) {
    try {
      verifyCheckpoint(checkpoint.directory);
      return { checkpoint, damaged };
    } catch (error) {
      if (!(error instanceof CheckpointError) || !error.userError) throw error;
      newest ??= error;
      damaged.push({ ...checkpoint, reason: error.message });
    }
  }
  if (newest !== undefined) throw newest;
  return { checkpoint: undefined, damaged };
}

/** The checkpoints in a run directory with their losses, for `checkpointsToDelete`; of damaged ones it is not known. */
export function listRetainedCheckpoints(runDirectory: string): (SavedCheckpoint & RetainedCheckpoint)[] {
  return listCheckpoints(runDirectory).map((checkpoint) => {
    try {
      return { ...checkpoint, heldOutLoss: readManifest(checkpoint.directory).heldOutLoss };
    } catch (error) {
      if (!(error instanceof CheckpointError) || !error.userError) throw error;
      return { ...checkpoint, heldOutLoss: null };
    }
  });
}

/** Returns the checkpoint in a run directory with the lowest validation loss, the earliest of equal ones; else the newest. */
export function bestCheckpoint(runDirectory: string): SavedCheckpoint | undefined {
  const saved = listRetainedCheckpoints(runDirectory);
  const measured = saved.filter(({ heldOutLoss }) => heldOutLoss != null);
  return measured.toSorted((a, b) => a.heldOutLoss! - b.heldOutLoss!)[0] ?? latestCheckpoint(runDirectory);
}

/**
 * Deletes a checkpoint. A crash halfway leaves nothing that looks like one.
 * @throws CheckpointError if the directory is not a checkpoint, or the file system fails
 */
export function deleteCheckpoint(directory: string): void {
  if (!existsSync(join(directory, manifestFile)))
    throw userError(`${directory} is not a checkpoint; nothing was deleted`);
  deleteDirectory(directory);
}
