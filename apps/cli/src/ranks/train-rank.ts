/** What each rank of a training run does, wherever it runs: it pretrains or fine-tunes. */
import type { Transport } from "@megatron-ts/parallel";
import type { FinetuneConfig, FinetuneOptions, FinetuneResult } from "@megatron-ts/tasks";
import type { ParallelConfig, PretrainConfig, PretrainOptions } from "@megatron-ts/train";
import { prepareFinetuning } from "./finetune-rank.ts";
import { preparePretraining } from "./pretrain-rank.ts";

interface Run<Verb extends string, Configuration> {
  verb: Verb;
  configuration: Configuration;
  resume: string;
  breakLock?: boolean;
}

/** What a run is, besides its recipe; the same on every rank. */
export type PretrainRun = Run<"pretrain", PretrainConfig>;
export type FinetuneRun = Run<"finetune", FinetuneConfig>;
export type RankRun = PretrainRun | FinetuneRun;

/** How a run ends. */
export type Outcome<Own extends RankRun> = Own extends FinetuneRun
  ? FinetuneResult
  : Awaited<ReturnType<typeof import("@megatron-ts/train")["pretrain"]>>;

/** What a rank has of its own; without a transport it is alone. */
export interface RankOptions
  extends Pick<PretrainOptions, "onEvent" | "stop">,
    Pick<FinetuneOptions, "onData" | "onSelfPretrain"> {
  transport: Transport | null;
  /** Ranks on this machine, whose memory is checked; null where it has been. */
  ranksHere: number | null;
}

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
