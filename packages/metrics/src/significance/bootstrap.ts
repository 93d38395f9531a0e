/**
 * Bootstrap resampling (Koehn 2004): how much a score would vary with other test examples, and whether one system is better
 * than another. The samples are those of sacreBLEU with the same seed; it scores them in float32, here they are doubles.
 */
import type { SumMetric } from "../evaluator.ts";
import { createIntegers } from "./numpy-random.ts";

/** What to resample with. */
export interface BootstrapOptions<Example> {
  /** An evaluator such as `createBleu()` (what it has collected does not matter), or any pair of functions like it. */
  metric: SumMetric<Example, { score: number }>;
  /** Number of resamples, 1000 by default. */
  samples?: number;
  /** 12345 by default, as in sacreBLEU. */
  seed?: number;
}

/** A score and its 95 % interval. */
export interface BootstrapResult {
  score: number;
  /** Mean over the resamples. */
  mean: number;
  /** Half the width of the interval that holds 95 % of the resampled scores: "mean ± interval". */
  interval: number;
}

/** Two systems on the same examples. */
export interface PairedBootstrapResult {
  baseline: BootstrapResult;
  system: BootstrapResult;
  /** The probability of a difference as large if the systems were equally good. */
  pValue: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The score of each resample, the same ones for lists of equal length. */
function resample<Example>(rows: readonly number[][], options: BootstrapOptions<Example>): number[] {
  const { metric, samples = 1000, seed = 12345 } = options;
  const next = createIntegers({ seed, bound: rows.length });
  return Array.from({ length: samples }, () => {
    const sums = Array<number>(rows[0]!.length).fill(0);
    for (let drawn = 0; drawn < rows.length; drawn++) {
      const row = rows[next()]!;
      for (let index = 0; index < sums.length; index++) sums[index]! += row[index]!;
    }
    return metric.score(sums).score;
  });
}

function summarize(score: number, resampled: readonly number[]): BootstrapResult {
  const sorted = [...resampled].sort((a, b) => a - b);
  const outside = Math.floor(sorted.length / 40);
  const interval = 0.5 * (sorted[sorted.length - outside - 1]! - sorted[outside]!);
  return { score, mean: mean(resampled), interval };
}

function evaluate<Example>(examples: readonly Example[], options: BootstrapOptions<Example>) {
  const { metric } = options;
  if (examples.length === 0) throw new RangeError("there are no examples to resample");
  const rows = examples.map((example) => metric.statistics(example));
  const sums = rows[0]!.map((_, index) => rows.reduce((sum, row) => sum + row[index]!, 0));
  const { score } = metric.score(sums);
  const resampled = resample(rows, options);
  return { resampled, result: summarize(score, resampled) };
}

/** The score of one system with its interval. @throws RangeError without examples, or for more than 2^21 of them */
export function bootstrap<Example>(examples: readonly Example[], options: BootstrapOptions<Example>): BootstrapResult {
  return evaluate(examples, options).result;
}

/**
 * Compares a system with a baseline on the same examples, in the same order. Throws a RangeError if their numbers differ.
 */
export function pairedBootstrap<Example>(
  systems: { baseline: readonly Example[]; system: readonly Example[] },
  options: BootstrapOptions<Example>,
): PairedBootstrapResult {
  if (systems.baseline.length !== systems.system.length) {
    throw new RangeError(
      `the baseline has ${systems.baseline.length} examples and the system ${systems.system.length}: they must be the same ones`,
    );
  }
  const baseline = evaluate(systems.baseline, options);
  const system = evaluate(systems.system, options);
  const difference = Math.abs(baseline.result.score - system.result.score);
  const differences = system.resampled.map((score, index) => Math.abs(score - baseline.resampled[index]!));
  const average = mean(differences);
  const asLarge = differences.filter((one) => one - average > difference).length;
  return { baseline: baseline.result, system: system.result, pValue: (asLarge + 1) / (differences.length + 1) };
}
