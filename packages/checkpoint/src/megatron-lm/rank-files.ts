/** Finds the files of a checkpoint of Megatron-LM, one for each rank of its tensor and pipeline split. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { userError } from "../errors.ts";

const FILE = "model_optim_rng.pt";

/** Paths by [pipeline rank][tensor rank]. */
export type RankFiles = string[][];

/** Whether a directory holds such a checkpoint, or is one of its iterations. */
export function isMegatronCheckpoint(directory: string): boolean {
  return existsSync(join(directory, "latest_checkpointed_iteration.txt")) || rankDirectories(directory).length > 0;
}

const rankDirectories = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).filter((name) => /^mp_rank_\d+(_\d+)?$/.test(name)) : [];

/** The newest iteration of a save directory, or the directory itself where it is one. */
function iterationDirectory(directory: string): string {
  if (rankDirectories(directory).length > 0) return directory;
  const tracker = join(directory, "latest_checkpointed_iteration.txt");
  if (!existsSync(tracker))
    throw userError(`${directory} holds neither mp_rank_* nor latest_checkpointed_iteration.txt`);
  const iteration = readFileSync(tracker, "utf8").trim();
  const name = iteration === "release" ? "release" : `iter_${iteration.padStart(7, "0")}`;
  if (!existsSync(join(directory, name))) throw userError(`${tracker} names ${name}, which is not there`);
  return join(directory, name);
}

/** Throws a CheckpointError where a rank of the split is missing. */
export function rankFiles(directory: string): RankFiles {
  const iteration = iterationDirectory(directory);
  const files: RankFiles = [];
  for (const name of rankDirectories(iteration)) {
    const [, tensor, pipeline = "0"] = /^mp_rank_(\d+)(?:_(\d+))?$/.exec(name)!;
    const row = files[Number(pipeline)] ?? [];
    row[Number(tensor)] = join(iteration, name, FILE);
    files[Number(pipeline)] = row;
  }
  const ranks = files[0]?.length ?? 0;
  for (let pipeline = 0; pipeline < files.length; pipeline++) {
    for (let tensor = 0; tensor < ranks; tensor++) {
      const path = files[pipeline]?.[tensor];
      if (!path || !existsSync(path)) {
        throw userError(
          `${basename(iteration)} lacks the file of tensor rank ${tensor}, pipeline rank ${pipeline} (${path ?? FILE})`,
        );
      }
    }
  }
  return files;
}
