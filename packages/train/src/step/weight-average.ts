/**
 * An exponential moving average of a model's weights, to evaluate and save in their place. Early averages are short, so
 * that the initial weights do not count for long.
 */
import { movingAverage, swapContents } from "@megatron-ts/ops";
import type { Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { LoadState } from "./optimizer.ts";

/** The average of each parameter, by its name. */
export interface WeightAverage {
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
  /** Counts the weights after update number `step`, from 1. */
  update(step: number): void;
  /** Runs `body` with the averages in place of the weights. */
  use<Result>(body: () => Promise<Result>): Promise<Result>;
  dispose(): void;
}

/**
 * Averages the weights of a model: a <- d a + (1 - d) w, where d rises from 0.2 to `decay` as (1 + step) / (10 + step).
 * @param options.load reads the averages of a saved run. Default: the weights.
 */
export function createWeightAverage(
  parameters: Parameters,
  { decay, load }: { decay: number; load?: LoadState },
): WeightAverage {
  const all = [...parameters.values()];
  const averages = all.map((parameter) => load?.(parameter.name, parameter) ?? tf.keep(copyOf(parameter.tensor)));
  const swap = () => {
    for (const [i, { tensor }] of all.entries()) swapContents(tensor, averages[i]!);
  };
  return {
    tensors: new Map(all.map(({ name }, i) => [name, averages[i]!])),
    update(step) {
      const values = all.map(({ tensor }) => tensor);
      movingAverage({ averages, values }, { decay: Math.min(decay, (1 + step) / (10 + step)) });
    },
    async use(body) {
      swap();
      try {
        return await body();
      } finally {
        swap();
      }
    },
    dispose: () => tf.dispose(averages),
  };
}

/** With memory of its own, which a clone has not. */
const copyOf = (tensor: tf.Tensor) => tf.tidy(() => tf.add(tensor, 0));
