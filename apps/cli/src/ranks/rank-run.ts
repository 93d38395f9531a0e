/** What a run of ranks is, and what each of them has of its own. Types only. */
import type { Transport } from "@megatron-ts/parallel";
import type { FinetuneConfig, FinetuneOptions, FinetuneResult } from "@megatron-ts/tasks";
import type { PretrainConfig, PretrainOptions } from "@megatron-ts/train";

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
