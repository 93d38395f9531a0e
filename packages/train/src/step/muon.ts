/**
 * Muon (Jordan et al. 2024) for the matrices of a model, AdamW for its embeddings, head, norms and biases. Knows no
 * layers: a weight's declaration says what it is. Matrices that ranks share are gathered one at a time, and each rank makes the whole update.
 */
import { type MuonAdjustment, type MuonOptions, muon, overwrite, type Precision } from "@megatron-ts/ops";
import { type Mesh, type Parameter, type Parameters, partOf, singleRankMesh, wholeOf } from "@megatron-ts/parallel";
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

/** Whether ranks of the mesh share a weight. */
const isShared = ({ placement }: Pick<Parameter, "placement">, mesh: Mesh): boolean =>
  placement !== null && mesh[placement.axis].size > 1;

/**
 * Creates the optimizer of a model. Its state: `momentum.<matrix>`, and that of AdamW for all other parameters.
 * @param start.mesh that of the model, whose ranks update at once. Default: one rank
 */
export function createMuon(
  parameters: Parameters,
  config: MuonConfig,
  { step = 0, load, mesh = singleRankMesh }: OptimizerStart & { mesh?: Mesh } = {},
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
      const own = matrices.map(
        ({ parameter, index }): Matrix => ({
          ...{ parameter, gradient: tensors[index]! },
          momentum: state.get(`momentum.${parameter.name}`)!,
          weightDecay: parameter.decay ? weightDecay : 0,
        }),
      );
      const options = {
        ...{ learningRate, nesterov, cautious, adjustment, epsilon, precision },
        momentum: momentumAt(adamW.step, config),
        gradientScale: scale,
      };
      const isSplit = ({ parameter }: Matrix) => isShared(parameter, mesh);
      updateWhole(
        own.filter((matrix) => !isSplit(matrix)),
        options,
      );
      for (const matrix of own.filter(isSplit)) updateShared(matrix, { ...options, mesh });
      tf.dispose(own.map(({ gradient }) => gradient));
      adamW.update({ tensors: others.map(({ index }) => tensors[index]!), scale }, config.adamw.learningRate * share);
    },
    dispose() {
      tf.dispose([...state.values()]);
      adamW.dispose();
    },
  };
}

/** A matrix, or a rank's part of it, and what updates it. */
interface Matrix {
  parameter: Parameter;
  gradient: tf.Tensor;
  momentum: tf.Tensor;
  weightDecay: number;
}

type UpdateOptions = Omit<MuonOptions, "weightDecays">;

function updateWhole(matrices: readonly Matrix[], options: UpdateOptions): void {
  if (matrices.length === 0) return;
  muon(
    {
      parameters: matrices.map(({ parameter }) => parameter.tensor),
      gradients: matrices.map(({ gradient }) => gradient),
      momenta: matrices.map(({ momentum }) => momentum),
    },
    { ...options, weightDecays: matrices.map(({ weightDecay }) => weightDecay) },
  );
}

/** Updates the whole of a matrix, of which this rank keeps its part. */
function updateShared(
  { parameter, gradient, momentum, weightDecay }: Matrix,
  { mesh, ...options }: UpdateOptions & { mesh: Mesh },
): void {
  const held = [parameter.tensor, momentum];
  const wholes = [...held, gradient].map((tensor) => wholeOf(tensor, parameter, { mesh }));
  const [weight, momenta, gradients] = wholes as [tf.Tensor, tf.Tensor, tf.Tensor];
  muon(
    { parameters: [weight], gradients: [gradients], momenta: [momenta] },
    { ...options, weightDecays: [weightDecay] },
  );
  for (const [index, tensor] of held.entries()) {
    const part = partOf(wholes[index]!, parameter);
    overwrite(tensor, part.dataSync() as Float32Array);
    part.dispose();
  }
  tf.dispose(wholes);
}

/** The momentum of the update number `step`, counted from 0. */
function momentumAt(step: number, { momentum, momentumWarmup }: MuonConfig): number {
  if (!momentumWarmup || step >= momentumWarmup.steps) return momentum;
  const { start, steps } = momentumWarmup;
  return start + ((momentum - start) * step) / steps;
}
