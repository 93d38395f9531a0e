/** What a run tells whoever started it. The CLI prints it; a test listens. */
import type { PerplexityResult } from "@megatron-ts/metrics";
import type { IntervalReport } from "../logging/interval-report.ts";
import type { Measure } from "../objectives/definition.ts";

export type RunEvent =
  | {
      type: "started";
      parameters: number;
      step: number;
      steps: number;
      totalSamples: number;
      resumedFrom: string | null;
      /** The checkpoint whose weights the run began with. */
      begunFrom: string | null;
    }
  /** A field that a resumed run was saved with and no longer has; the new value counts. */
  | { type: "changed"; path: string; old: unknown; new: unknown }
  /** After each update. `fraction` is of the whole run, by steps or by its time limit, whichever is further. */
  | { type: "step"; step: number; loss: number; tokensPerSecond: number; fraction: number; secondsLeft: number }
  | { type: "report"; report: IntervalReport; noise: { noiseScale: number; suggestedBatchSize: number } | null }
  /** `measure` is what the perplexity is called; null where the loss is a sum of several, and has none. */
  | { type: "evaluated"; step: number; measure: Measure | null; result: PerplexityResult }
  | { type: "saved"; step: number; directory: string }
  | { type: "finished"; step: number; reason: "completed" | "stopped" | "time limit" | "already complete" };

/** A loss or gradient that is not a number: the run stops, and its last good checkpoint stays. Not the user's mistake. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
  readonly userError = false;
}
