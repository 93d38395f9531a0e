/**
 * Draws from several sources by weight, with Megatron's greedy rule: sample n comes from the source i with the largest
 * weight_i * max(n, 1) - count_i, where count_i is the number of samples drawn from it so far. Deterministic, and no prefix
 * of the blend depends on what follows it.
 */
import { DataError } from "../errors.ts";
import type { SampleSource } from "./source.ts";

const BLOCK = 1024;

/** One source of a blend. */
export interface BlendEntry<Sample> {
  source: SampleSource<Sample>;
  /** Any positive number; weights are divided by their sum. */
  weight: number;
}

/**
 * One source that draws from all of them.
 * @param options.samples number of samples to draw: becomes `length`, after a check that every source has enough. By
 *   default the blend ends where its first source runs out
 * @throws DataError for weights that are not positive, or a source with fewer samples than its share
 */
export function blend<Sample>(
  entries: readonly BlendEntry<Sample>[],
  options: { samples?: number } = {},
): SampleSource<Sample> {
  if (entries.length === 0) throw new DataError("nothing to blend: give at least one source");
  const sum = entries.reduce((total, { weight }) => total + weight, 0);
  if (!entries.every(({ weight }) => weight > 0) || !Number.isFinite(sum))
    throw new DataError(`expected positive weights, got ${entries.map(({ weight }) => weight).join(", ")}`);
  if (entries.length === 1 && options.samples === undefined) return entries[0]!.source;
  const weights = Float64Array.from(entries, ({ weight }) => weight / sum);
  const order = greedyOrder(weights);
  const length = options.samples ?? blendLength(order, entries);
  if (options.samples !== undefined) {
    const counts = order.countsBefore(options.samples);
    entries.forEach(({ source }, i) => {
      if (counts[i]! > source.length)
        throw new DataError(
          `a blend of ${options.samples} samples takes ${counts[i]} from its source ${i}, which has ${source.length}`,
        );
    });
  }
  return {
    length,
    at(index) {
      if (!(index >= 0 && index < length)) throw new RangeError(`sample ${index} of ${length}`);
      const { source, sample } = order.at(index);
      return entries[source]!.source.at(sample);
    },
  };
}

/** The greedy order by sample number. Stores the counts at every 1,024th sample and replays the rest. */
function greedyOrder(weights: Float64Array): {
  at(index: number): { source: number; sample: number };
  countsBefore(index: number): Float64Array;
} {
  const checkpoints: Float64Array[] = [new Float64Array(weights.length)];
  const advance = (counts: Float64Array, from: number, to: number): number => {
    let chosen = 0;
    for (let n = from; n < to; n++) {
      const scale = Math.max(n, 1);
      chosen = 0;
      let largest = weights[0]! * scale - counts[0]!;
      for (let i = 1; i < weights.length; i++) {
        const error = weights[i]! * scale - counts[i]!;
        if (error > largest) {
          largest = error;
          chosen = i;
        }
      }
      counts[chosen]!++;
    }
    return chosen;
  };
  const countsBefore = (index: number): Float64Array => {
    const block = Math.floor(index / BLOCK);
    while (checkpoints.length <= block) {
      const counts = checkpoints.at(-1)!.slice();
      advance(counts, (checkpoints.length - 1) * BLOCK, checkpoints.length * BLOCK);
      checkpoints.push(counts);
    }
    const counts = checkpoints[block]!.slice();
    advance(counts, block * BLOCK, index);
    return counts;
  };
  return {
    at(index) {
      const counts = countsBefore(index);
      const source = advance(counts, index, index + 1);
      return { source, sample: counts[source]! - 1 };
    },
    countsBefore,
  };
}

/** Number of samples before a source runs out. */
function blendLength<Sample>(order: ReturnType<typeof greedyOrder>, entries: readonly BlendEntry<Sample>[]): number {
  const enough = (samples: number) => {
    const counts = order.countsBefore(samples);
    return entries.every(({ source }, i) => counts[i]! <= source.length);
  };
  const total = entries.reduce((sum, { source }) => sum + source.length, 0);
  if (total === Number.POSITIVE_INFINITY && entries.every(({ source }) => source.length === total)) return total;
  let low = 0;
  let high = 1;
  while (enough(high)) high *= 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) low = middle;
    else high = middle;
  }
  return low;
}
