/** AdamW (Loshchilov and Hutter 2019) and its state: two moments per parameter. No weight decay for biases and norms. */
import { adamW } from "@megatron-ts/ops";
import type { Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createState, type GroupRates, groupByRate, type Optimizer, type OptimizerStart } from "./optimizer.ts";

/** Hyperparameters of AdamW. */
export interface AdamWConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Whether to correct the bias of the moments; false for BERT's variant of Adam. Default: true. */
  biasCorrection?: boolean;
  /** The peak of the schedule, which `rates` are beside. Needed only with them. */
  learningRate?: number;
  rates?: GroupRates;
}

/** Creates the optimizer of a model. Its state: `first.<parameter>` and `second.<parameter>`. */
export function createAdamW(
  parameters: Parameters,
  config: AdamWConfig,
  { step = 0, load, rateFactor }: OptimizerStart = {},
): Optimizer {
  const { beta1, beta2, epsilon, weightDecay, biasCorrection, learningRate: peak = 1, rates = {} } = config;
  const state = createState(parameters, { roles: ["first", "second"], load });
  const groups = groupByRate(parameters, { peak, rates, rateFactor });
  let done = step;
  return {
    get step() {
      return done;
    },
    state,
    update({ tensors, scale }, learningRate) {
      done++;
      for (const { members, rateAt } of groups) {
        adamW(
          {
            parameters: members.map(({ parameter }) => parameter.tensor),
            gradients: members.map(({ index }) => tensors[index]!),
            firstMoments: members.map(({ parameter }) => state.get(`first.${parameter.name}`)!),
            secondMoments: members.map(({ parameter }) => state.get(`second.${parameter.name}`)!),
          },
          {
            ...{ beta1, beta2, epsilon, biasCorrection },
            learningRate: rateAt(learningRate),
            weightDecays: members.map(({ parameter }) => (parameter.decay ? weightDecay : 0)),
            step: done,
            gradientScale: scale,
          },
        );
      }
      tf.dispose(tensors);
    },
    dispose: () => tf.dispose([...state.values()]),
  };
}
