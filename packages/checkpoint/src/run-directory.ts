/** The checkpoints of one run, side by side: step-00000100, step-00000200, ... Only what was saved whole is seen. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deleteDirectory, listDirectories } from "./directory.ts";
import { userError } from "./errors.ts";
import { manifestFile } from "./manifest.ts";

export interface SavedCheckpoint {
  step: number;
  directory: string;
}

/** Where the checkpoint of a step belongs: `<runDirectory>/step-00000100`. */
export function checkpointDirectory(runDirectory: string, step: number): string {
  return join(runDirectory, `step-${String(step).padStart(8, "0")}`);
}

/** The checkpoints in a directory, oldest first; none where the directory does not exist. */
export function listCheckpoints(runDirectory: string): SavedCheckpoint[] {
  return listDirectories(runDirectory)
    .filter(({ name, path }) => /^step-\d{8,}$/.test(name) && existsSync(join(path, manifestFile)))
    .map(({ name, path }) => ({ step: Number(name.slice("step-".length)), directory: path }))
    .toSorted((a, b) => a.step - b.step);
}

/** The newest checkpoint in a directory, if there is one. */
export function latestCheckpoint(runDirectory: string): SavedCheckpoint | undefined {
  return listCheckpoints(runDirectory).at(-1);
}

/** Deletes a checkpoint; a crash on the way leaves nothing that looks like one. Refuses other directories. */
export function deleteCheckpoint(directory: string): void {
  if (!existsSync(join(directory, manifestFile)))
    throw userError(`${directory} is not a checkpoint; nothing was deleted`);
  deleteDirectory(directory);
}
