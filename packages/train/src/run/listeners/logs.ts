/** Writes what a run reports and evaluates to `metrics.jsonl` and to TensorBoard. */
import { join } from "node:path";
import { openMetricsLog } from "../../logging/metrics-log.ts";
import { openTensorBoard } from "../../logging/tensorboard.ts";
import type { RunEvent } from "../events.ts";
import type { RunListener } from "../training-run.ts";

interface LogOptions {
  /** Steps of the checkpoint that the run resumes from: later lines of an earlier attempt are dropped. */
  resumedStep: number;
}

/** The logs of a run, the latest first. */
export function createLogs(
  runDirectory: string,
  { tensorboard, resumedStep }: LogOptions & { tensorboard: boolean },
): RunListener[] {
  const files = createMetricsFile(runDirectory, { resumedStep });
  return tensorboard ? [createTensorBoard(runDirectory, { resumedStep }), files] : [files];
}

/** `metrics.jsonl` in the run directory. */
function createMetricsFile(runDirectory: string, options: LogOptions): RunListener {
  const log = openMetricsLog(join(runDirectory, "metrics.jsonl"), options);
  return {
    onEvent(event) {
      if (event.type === "report") log.append({ ...event.report, ...event.noise, ...event.energy, ...ranksOf(event) });
      if (event.type === "evaluated") log.append({ step: event.step, ...validationOf(event) });
    },
    close: () => log.close(),
  };
}

/** An event file in the run directory's `tensorboard`. */
function createTensorBoard(runDirectory: string, options: LogOptions): RunListener {
  const log = openTensorBoard(join(runDirectory, "tensorboard"), options);
  return {
    onEvent(event) {
      if (event.type === "report") {
        const slowest = ranksOf(event)?.slowestRankMilliseconds;
        const ranks = slowest === undefined ? {} : { slowestRankMilliseconds: slowest };
        const { step, ...values } = { ...event.report, ...event.noise, ...event.energy, ...ranks };
        log.scalars(step, Object.fromEntries(Object.entries(values).map(([name, value]) => [`train/${name}`, value])));
      }
      if (event.type === "evaluated") {
        const { validationLoss, validationPerplexity } = validationOf(event);
        const scores = Object.entries(event.scores ?? {}).map(([name, value]) => [`validation/${name}`, value]);
        log.scalars(event.step, {
          "validation/loss": validationLoss,
          ...(validationPerplexity !== undefined && { "validation/perplexity": validationPerplexity }),
          ...Object.fromEntries(scores),
        });
      }
    },
    close: () => log.close(),
  };
}

/** The working time of each rank, and of the slowest. */
const ranksOf = ({ ranks }: Extract<RunEvent, { type: "report" }>) =>
  ranks && {
    rankMilliseconds: ranks.milliseconds,
    slowestRank: ranks.slowest,
    slowestRankHost: ranks.host,
    slowestRankMilliseconds: ranks.milliseconds[ranks.slowest]!,
  };

function validationOf({ metric, result: { loss, perplexity }, scores }: Extract<RunEvent, { type: "evaluated" }>): {
  validationLoss: number;
  validationPerplexity?: number;
} {
  return { validationLoss: loss, ...(metric && { validationPerplexity: perplexity }), ...scores };
}
