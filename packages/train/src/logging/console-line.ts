/**
 * Formats the lines that a run prints for intervals and evaluations. Pure functions; columns stay aligned as numbers
 * grow.
 */
import type { IntervalReport } from "./interval-report.ts";
import { formatCount, formatDuration, formatQuantity } from "./quantities.ts";

/**
 * The line of an interval: as many of its columns, the important ones first, as fit a width.
 * @param totals of the whole run, which decide the width of the columns for steps and samples
 * @param options.width in characters. Default: all columns
 */
export function formatReport(
  report: IntervalReport,
  totals: { steps: number; samples: number },
  { width = Number.POSITIVE_INFINITY }: { width?: number } = {},
): string {
  const { consumedSamples, flopsPerSecond, gradientNorm, learningRate, loss, tokensPerSecond } = report;
  const columns: [importance: number, text: string][] = [
    [0, stepColumn(report.step, totals.steps)],
    [1, `loss ${loss.toFixed(4).padStart(7)}`],
    [5, `lr ${formatRate(learningRate).padStart(8)}`],
    [4, `norm ${formatQuantity(gradientNorm).padStart(6)}`],
    [6, `${formatMilliseconds(report.millisecondsPerStep).padStart(6)} ms`],
    [3, `${formatCount(tokensPerSecond).padStart(7)} tokens/s`],
    [7, formatQuantity(flopsPerSecond, "FLOP/s").padStart(12)],
    [8, `${formatCount(consumedSamples).padStart(formatCount(totals.samples).length)} samples`],
    // Padded, so that lines keep their columns as the time runs out.
    [2, `${formatDuration(report.secondsLeft)} left`.padEnd("23h 59m left".length)],
  ];
  const line = (most: number) =>
    columns
      .filter(([importance]) => importance <= most)
      .map(([, text]) => text)
      .join(" | ");
  let most = columns.length - 1;
  while (most > 1 && line(most).length > width) most--;
  return line(most).trimEnd();
}

/**
 * The line of an evaluation.
 * @param evaluation mean validation loss in nats after `step` updates, and its perplexity with the name of its metric;
 *   null for a loss without one; `scores` are a task's
 */
export function formatEvaluation(
  {
    step,
    loss,
    metric,
    perplexity,
    scores = {},
  }: {
    step: number;
    loss: number;
    metric: string | null;
    perplexity: number;
    scores?: Readonly<Record<string, number>>;
  },
  totals: { steps: number },
): string {
  const parts = [stepColumn(step, totals.steps), `validation loss ${loss.toFixed(4)}`];
  if (metric !== null) parts.push(`${metric} ${formatQuantity(perplexity)}`);
  for (const [name, score] of Object.entries(scores)) parts.push(`${name} ${score.toFixed(4)}`);
  return parts.join(" | ");
}

const stepColumn = (step: number, steps: number) => `step ${String(step).padStart(String(steps).length)}/${steps}`;

const formatRate = (rate: number) => (rate === 0 ? "0" : rate.toExponential(2));

const formatMilliseconds = (value: number) => (value >= 100 ? formatCount(value) : value.toPrecision(3));
