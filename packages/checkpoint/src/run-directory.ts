/** The checkpoints of one run: step-00000100, step-00000200, ... Incomplete ones are ignored. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deleteDirectory, listDirectories } from "./directory.ts";
import { userError } from "./errors.ts";
import { manifestFile } from "./manifest.ts";

/** A checkpoint in a run directory. */
export interface SavedCheckpoint {
  step: number;
  directory: string;
}

/** Path of the checkpoint of a step: `<runDirectory>/step-00000100`. */
export function checkpointDirectory(runDirectory: string, step: number): string {
  return join(runDirectory, `step-${String(step).padStart(8, "0")}`);
}

/** Lists the checkpoints in a run directory, oldest first; none if it does not exist. */
export function listCheckpoints(runDirectory: string): SavedCheckpoint[] {
  return listDirectories(runDirectory)
    .filter(({ name, path }) => /^step-\d{8,}$/.test(name) && existsSync(join(path, manifestFile)))
    .map(({ name, path }) => ({ step: Number(name.slice("step-".length)), directory: path }))
    .toSorted((a, b) => a.step - b.step);
}

/** Returns the newest checkpoint in a run directory, if there is one. */
export function latestCheckpoint(runDirectory: string): SavedCheckpoint | undefined {
  return listCheckpoints(runDirectory).at(-1);
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
