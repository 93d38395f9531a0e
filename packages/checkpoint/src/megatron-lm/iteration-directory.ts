/** Finds the directory of one iteration in a checkpoint of Megatron-LM, and which of its formats it has. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { userError, wrapFileSystemError } from "../errors.ts";
import { readRegularFile } from "../regular-file.ts";

const TRACKER = "latest_checkpointed_iteration.txt";

/** Names of the directories of an iteration's ranks; none where it has another format. */
export function rankDirectories(directory: string): string[] {
  return namesIn(directory).filter((name) => /^mp_rank_\d+(_\d+)*$/.test(name));
}

/** The formats of an iteration: files per rank, PyTorch's distributed checkpoints, or one that is not read. */
export type IterationFormat = "torch" | "torch_dist" | "zarr";

/** The format of an iteration's directory, or undefined if it is none. */
export function formatOf(directory: string): IterationFormat | undefined {
  if (rankDirectories(directory).length > 0) return "torch";
  const names = namesIn(directory);
  if (names.includes(".metadata")) return "torch_dist";
  if (!names.includes("metadata.json") || !names.includes("common.pt")) return undefined;
  return "zarr";
}

/** Whether a directory is a checkpoint of Megatron-LM, or one of its iterations. */
export function isMegatronCheckpoint(directory: string): boolean {
  return existsSync(join(directory, TRACKER)) || formatOf(directory) !== undefined;
}

/**
 * The directory that the tracker file names, or the directory itself if it is an iteration.
 * @throws CheckpointError if there is neither, or the tracker names no iteration
 */
function iterationDirectory(directory: string): string {
  if (formatOf(directory) !== undefined) return directory;
  const tracker = join(directory, TRACKER);
  if (!existsSync(tracker)) throw userError(`${directory} contains neither mp_rank_* nor .metadata nor ${TRACKER}`);
  const iteration = readRegularFile(tracker, { maxBytes: 1024 }).toString().trim();
  if (!/^(release|\d{1,9})$/.test(iteration)) {
    throw userError(`${tracker}: expected an iteration or "release", got ${JSON.stringify(iteration.slice(0, 40))}`);
  }
  const name = iteration === "release" ? "release" : `iter_${iteration.padStart(7, "0")}`;
  const found = join(directory, name);
  if (!existsSync(found)) throw userError(`${tracker} names ${name}, which does not exist`);
  if (formatOf(found) === undefined) throw userError(`${found} contains neither mp_rank_* nor .metadata`);
  return found;
}

/**
 * Opens the iteration that a directory refers to. If that fails since training has deleted it meanwhile, opens the one that
 * the tracker file then names; Megatron-LM writes that file in place, so an empty one is waited for.
 * @param open gets the iteration's directory
 */
export async function openIteration<Result>(
  directory: string,
  open: (iteration: string) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const named = trackedIn(directory);
    try {
      return await open(iterationDirectory(directory));
    } catch (error) {
      const changes = named === "" || trackedIn(directory) !== named;
      if (named === undefined || tries === MOST_TRIES || !changes) throw error;
      if (named === "") await setTimeout(50);
    }
  }
}

const MOST_TRIES = 20;

/** What the tracker file says; undefined if there is none. */
function trackedIn(directory: string): string | undefined {
  const tracker = join(directory, TRACKER);
  return existsSync(tracker) ? readRegularFile(tracker, { maxBytes: 1024 }).toString() : undefined;
}

function namesIn(directory: string): string[] {
  try {
    return statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : [];
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${directory}` });
  }
}
