/** Finds and opens the checkpoint that a path refers to, also while a run saves and deletes checkpoints there. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { userError } from "./errors.ts";
import { isHuggingFaceDirectory } from "./hugging-face/directory.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "./load-checkpoint.ts";
import { manifestFile } from "./manifest.ts";
import { latestCheckpoint } from "./run-directory.ts";

/**
 * Returns the checkpoint that a path refers to: the path itself, or the newest checkpoint of a run directory.
 * @throws CheckpointError if it is neither
 */
export function resolveCheckpoint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw userError(`${path || '""'}: no such run or checkpoint`);
  if (!found.isDirectory()) throw userError(`${path} is a file; expected a run directory or a checkpoint directory`);
  const latest = latestCheckpoint(path);
  if (latest) return latest.directory;
  if (existsSync(join(path, manifestFile))) return path;
  if (isHuggingFaceDirectory(path)) {
    throw userError(`${path} is a Hugging Face model: convert it to a checkpoint first (megatron import)`);
  }
  throw userError(`${path} contains no checkpoint`);
}

/** More checkpoints than this are not deleted one after another, each while it is opened. */
const MOST_TRIES = 100;

/**
 * Opens the checkpoint that a path refers to, see {@link resolveCheckpoint}. If a run deletes it meanwhile, opens the one
 * that has become the newest; once open, it can be read to the end. The caller closes it.
 * @throws CheckpointError if there is none, and for missing, truncated or damaged files
 */
export function loadLatestCheckpoint(path: string): LoadedCheckpoint {
  for (let tries = 1; ; tries++) {
    const directory = resolveCheckpoint(path);
    try {
      return loadCheckpoint(directory);
    } catch (error) {
      if (directory === path || tries === MOST_TRIES || existsSync(join(directory, manifestFile))) throw error;
    }
  }
}
