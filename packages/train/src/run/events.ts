/** The events of a run, for whoever started it: the CLI prints them, tests listen. */
import type { PerplexityResult } from "@megatron-ts/metrics";
import type { EnergyUse } from "../energy/energy-meter.ts";
import type { IntervalReport } from "../logging/interval-report.ts";
import type { RankTimes } from "./rank-times.ts";

/** The most bytes that this process has held at once. */
export interface MemoryUse {
  /** In tensors, as the backend counts them; null where it does not. */
  tensors: number | null;
  /** Of physical memory. */
  resident: number;
}

/** An event of a run. */
export type RunEvent =
  | {
      type: "started";
      parameters: number;
      /** How many of them are trained. */
      trained: number;
      step: number;
      steps: number;
      totalSamples: number;
      resumedFrom: string | null;
      /** The checkpoint that the initial weights come from. */
      initCheckpoint: string | null;
    }
  /** A field that differs from the checkpoint that a run resumes from; the new value is used. */
  | { type: "changed"; path: string; old: unknown; new: unknown }
  /** A checkpoint that is newer than the one that the run resumes from, but damaged. */
  | { type: "damaged"; directory: string; reason: string }
  /** After each update. `fraction` is the progress of the whole run, by steps or time limit, whichever is further. */
  | { type: "step"; step: number; loss: number; tokensPerSecond: number; fraction: number; secondsLeft: number }
  | {
      type: "report";
      report: IntervalReport;
      noise: { noiseScale: number; suggestedBatchSize: number } | null;
      /** Of the whole run so far. */
      energy: EnergyUse;
      /** How long each rank worked, without waiting for others; null in a run of one rank. */
      ranks: RankTimes | null;
    }
  /** `metric` names the perplexity; null for a sum of several losses, which has none. `scores`: a task's. */
  | {
      type: "evaluated";
      step: number;
      metric: string | null;
      result: PerplexityResult;
      scores?: Readonly<Record<string, number>>;
    }
  | { type: "saved"; step: number; directory: string }
  | {
      type: "finished";
      step: number;
      reason: "completed" | "stopped" | "time limit" | "no improvement" | "already complete";
      energy: EnergyUse;
      /** How it was measured, in words. */
      energyMethod: string;
      memory: MemoryUse;
    };

/** A loss, the gradient norm or a weight is NaN or infinite: the run stops and its last checkpoint is intact. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
  readonly userError = false;
}
