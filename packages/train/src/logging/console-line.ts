/**
 * Formats the lines that a run prints for intervals and evaluations. Pure functions; columns stay aligned as numbers
 * grow.
 */
import type { IntervalReport } from "./interval-report.ts";
import { formatCount, formatDuration, formatQuantity } from "./quantities.ts";

/**
 * The line of an interval.
 * @param totals of the whole run, which decide the width of the columns for steps and samples
 */
export function formatReport(report: IntervalReport, totals: { steps: number; samples: number }): string {
  return [
    stepColumn(report.step, totals.steps),
    `loss ${report.loss.toFixed(4).padStart(7)}`,
    `lr ${formatRate(report.learningRate).padStart(8)}`,
    `norm ${formatQuantity(report.gradientNorm).padStart(6)}`,
    `${formatMilliseconds(report.millisecondsPerStep).padStart(6)} ms`,
    `${formatCount(report.tokensPerSecond).padStart(7)} tokens/s`,
    formatQuantity(report.flopsPerSecond, "FLOP/s").padStart(12),
    `${formatCount(report.consumedSamples).padStart(formatCount(totals.samples).length)} samples`,
    `${formatDuration(report.secondsLeft)} left`,
  ].join(" | ");
}

/**
 * The line of an evaluation.
 * @param evaluation mean validation loss in nats after `step` updates, and its perplexity with the name of its metric;
 *   null for a loss without one
 */
export function formatEvaluation(
  { step, loss, metric, perplexity }: { step: number; loss: number; metric: string | null; perplexity: number },
  totals: { steps: number },
): string {
  const parts = [stepColumn(step, totals.steps), `validation loss ${loss.toFixed(4)}`];
  if (metric !== null) parts.push(`${metric} ${formatQuantity(perplexity)}`);
  return parts.join(" | ");
}

const stepColumn = (step: number, steps: number) => `step ${String(step).padStart(String(steps).length)}/${steps}`;

const formatRate = (rate: number) => (rate === 0 ? "0" : rate.toExponential(2));

const formatMilliseconds = (value: number) => (value >= 100 ? formatCount(value) : value.toPrecision(3));
