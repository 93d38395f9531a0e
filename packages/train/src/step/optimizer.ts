/** AdamW (Loshchilov and Hutter 2019) and its state: two moments per parameter. No weight decay for biases and norms. */
import { adamW } from "@megatron-ts/ops";
import type { Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

/** Hyperparameters of AdamW. */
export interface OptimizerConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Whether to correct the bias of the moments; false for BERT's variant of Adam. Default: true. */
  biasCorrection?: boolean;
}

/** The moments of one parameter, named and shaped like it. */
export interface Moments {
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

/** An optimizer with its state. */
export interface Optimizer {
  /** Number of updates done. */
  step: number;
  readonly moments: ReadonlyMap<string, Moments>;
  /** Updates the parameters in place; consumes the gradients. */
  update(gradients: Gradients, learningRate: number): void;
  dispose(): void;
}

/** Creates the optimizer of a model. `load` returns the moments of a saved run. Default: zeros. */
export function createAdamW(
  parameters: Parameters,
  config: OptimizerConfig,
  { step = 0, load }: { step?: number; load?: (name: string, shape: readonly number[]) => Moments } = {},
): Optimizer {
  const all = [...parameters.values()];
  const zeros = (shape: readonly number[]) => tf.keep(tf.zeros([...shape]));
  const moments = new Map(
    all.map(({ name, shape }) => [name, load?.(name, shape) ?? { first: zeros(shape), second: zeros(shape) }] as const),
  );
  const weightDecays = all.map(({ decay }) => (decay ? config.weightDecay : 0));
  return {
    step,
    moments,
    update({ tensors, scale }, learningRate) {
      this.step++;
      adamW(
        {
          parameters: all.map(({ tensor }) => tensor),
          gradients: tensors,
          firstMoments: [...moments.values()].map(({ first }) => first),
          secondMoments: [...moments.values()].map(({ second }) => second),
        },
        { ...config, learningRate, weightDecays, step: this.step, gradientScale: scale },
      );
      tf.dispose(tensors);
    },
    dispose() {
      for (const { first, second } of moments.values()) tf.dispose([first, second]);
    },
  };
}
