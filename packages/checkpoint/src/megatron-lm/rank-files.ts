/** Lists the files of an iteration of Megatron-LM, one per rank of its tensor and pipeline parallelism. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { userError } from "../errors.ts";
import { rankDirectories } from "./iteration-directory.ts";

const FILE = "model_optim_rng.pt";
const MOST_RANKS = 100_000;

/** Paths by [pipeline rank][tensor rank]. */
export type RankFiles = string[][];

/** @throws CheckpointError if a rank is missing, or experts have ranks of their own */
export function rankFiles(iteration: string): RankFiles {
  const files: RankFiles = [];
  for (const name of rankDirectories(iteration)) {
    const [tensor, pipeline = 0, expert] = name.slice("mp_rank_".length).split("_").map(Number) as [
      number,
      number?,
      number?,
    ];
    if (expert !== undefined) throw userError(`${join(iteration, name)}: mixtures of experts are not supported`);
    if (Math.max(tensor, pipeline) > MOST_RANKS) throw userError(`${join(iteration, name)}: rank out of range`);
    files[pipeline] ??= [];
    files[pipeline][tensor] = join(iteration, name, FILE);
  }
  const ranks = files[0]?.length ?? 0;
  for (let pipeline = 0; pipeline < files.length; pipeline++) {
    for (let tensor = 0; tensor < Math.max(ranks, files[pipeline]?.length ?? 0); tensor++) {
      const path = files[pipeline]?.[tensor];
      if (path === undefined || !existsSync(path)) {
        const rank = `tensor rank ${tensor}, pipeline rank ${pipeline}`;
        throw userError(`${basename(iteration)} lacks the file of ${rank} (${path ?? FILE})`);
      }
    }
  }
  return files;
}
