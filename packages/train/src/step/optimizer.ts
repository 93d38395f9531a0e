/** AdamW with its state: two moments a parameter. Biases and norms are in a group without weight decay. */
import { adamW } from "@megatron-ts/ops";
import type { Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

export interface OptimizerConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** False for BERT's variant of Adam; true unless told. */
  biasCorrection?: boolean;
}

/** The moments of one parameter, named and shaped like it. */
export interface Moments {
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

export interface Optimizer {
  /** Updates that were made. */
  step: number;
  readonly moments: ReadonlyMap<string, Moments>;
  /** Changes the parameters in place; consumes the gradients. */
  update(gradients: Gradients, learningRate: number): void;
  dispose(): void;
}

/** `load` gives the moments of a saved run; they start at zero otherwise. */
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
