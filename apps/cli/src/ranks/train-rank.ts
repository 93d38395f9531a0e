/** What each rank of a training run does, wherever it runs: it pretrains or fine-tunes. */
import type { ParallelConfig } from "@megatron-ts/train";
import { prepareFinetuning } from "./finetune-rank.ts";
import { preparePretraining } from "./pretrain-rank.ts";
import type { Outcome, RankOptions, RankRun } from "./rank-run.ts";

/** Loads what a rank needs besides its recipe, and returns what trains it once an engine has started. */
export async function prepareRank<Own extends RankRun>(
  run: Own,
  options: RankOptions,
): Promise<() => Promise<Outcome<Own>>> {
  const train = await (run.verb === "pretrain" ? preparePretraining(run, options) : prepareFinetuning(run, options));
  return train as () => Promise<Outcome<Own>>;
}

/** The number of ranks that a recipe asks for. */
export const ranksOf = ({ parallel }: { parallel: ParallelConfig }): number =>
  parallel.tensor * parallel.pipeline * parallel.data * parallel.context;
