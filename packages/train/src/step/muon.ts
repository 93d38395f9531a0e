/**
 * Muon (Jordan et al. 2024) for the matrices of a model, AdamW for its embeddings, head, norms and biases. Knows no
 * layers: a weight's declaration says what it is.
 */
import { type MuonAdjustment, muon, type Precision } from "@megatron-ts/ops";
import type { Parameter, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { type AdamWConfig, createAdamW } from "./adamw.ts";
import { createState, type GroupRates, type Optimizer, type OptimizerStart } from "./optimizer.ts";

/** Hyperparameters of Muon and of the AdamW beside it. */
export interface MuonConfig {
  /** The peak rate of the matrices. */
  learningRate: number;
  momentum: number;
  /** Raises the momentum linearly from `start` over the first `steps`. */
  momentumWarmup?: { start: number; steps: number } | null;
  nesterov: boolean;
  weightDecay: number;
  /** Whether weight decay follows the schedule of the rate once more. */
  weightDecaySchedule: "constant" | "learning-rate";
  /** Decay only where the update shrinks the weight (Chen et al. 2025). */
  cautious: boolean;
  adjustment: MuonAdjustment;
  epsilon: number;
  /** What Newton-Schulz may round to. */
  precision: Precision;
  /** For all other weights, which follow the same schedule from a peak of their own. */
  adamw: AdamWConfig & { learningRate: number; rates?: GroupRates };
}

/** Whether Muon updates a weight, all of which it needs at once. */
export const isForMuon = ({ kind }: Pick<Parameter, "kind">): boolean => kind === "matrix";

/** Creates the optimizer of a model. Its state: `momentum.<matrix>`, and that of AdamW for all other parameters. */
export function createMuon(
  parameters: Parameters,
  config: MuonConfig,
  { step = 0, load }: OptimizerStart = {},
): Optimizer {
  const all = [...parameters.values()].map((parameter, index) => ({ parameter, index }));
  const matrices = all.filter(({ parameter }) => isForMuon(parameter));
  const others = all.filter(({ parameter }) => !isForMuon(parameter));
  const named = (list: typeof all) => new Map(list.map(({ parameter }) => [parameter.name, parameter]));
  const state = createState(named(matrices), { roles: ["momentum"], load });
  const adamW = createAdamW(named(others), config.adamw, { step, load });
  const { nesterov, cautious, adjustment, epsilon, precision } = config;
  return {
    get step() {
      return adamW.step;
    },
    state: new Map([...state, ...adamW.state]),
    update({ tensors, scale }, learningRate) {
      const share = learningRate / config.learningRate;
      const weightDecay = config.weightDecay * (config.weightDecaySchedule === "constant" ? 1 : share);
      const own = matrices.map(({ index }) => tensors[index]!);
      if (own.length > 0) {
        muon(
          {
            parameters: matrices.map(({ parameter }) => parameter.tensor),
            gradients: own,
            momenta: matrices.map(({ parameter }) => state.get(`momentum.${parameter.name}`)!),
          },
          {
            ...{ learningRate, nesterov, cautious, adjustment, epsilon, precision },
            momentum: momentumAt(adamW.step, config),
            weightDecays: matrices.map(({ parameter }) => (parameter.decay ? weightDecay : 0)),
            gradientScale: scale,
          },
        );
      }
      tf.dispose(own);
      adamW.update({ tensors: others.map(({ index }) => tensors[index]!), scale }, config.adamw.learningRate * share);
    },
    dispose() {
      tf.dispose([...state.values()]);
      adamW.dispose();
    },
  };
}

/** The momentum of the update number `step`, counted from 0. */
function momentumAt(step: number, { momentum, momentumWarmup }: MuonConfig): number {
  if (!momentumWarmup || step >= momentumWarmup.steps) return momentum;
  const { start, steps } = momentumWarmup;
  return start + ((momentum - start) * step) / steps;
}
