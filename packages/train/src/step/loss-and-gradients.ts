/** The loss of a micro-batch and its gradients, computed by JavaScript or, for objectives that can, by a captured run. */
import type { ForwardOptions, Model } from "@megatron-ts/model";
import { type Captured, captured, vjp } from "@megatron-ts/ops";
import { trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { MicroBatch, Objective } from "../objectives/objective.ts";

interface Trained<Batch extends MicroBatch> {
  model: Model;
  objective: Objective<Batch>;
}

/** Options of one micro-batch: `scale` is the factor of its gradients. */
type ComputeOptions = ForwardOptions & { scale: number };

/** The sum of the losses of these rows, then its gradient, scaled, for each trained parameter in order. The caller disposes them. */
export type LossAndGradients = <Batch extends MicroBatch>(
  trained: Trained<Batch>,
  rows: Batch,
  options: ComputeOptions,
) => tf.Tensor[];

/** Runs forward and backward. Throws an Error where a parameter gets no gradient. */
export const lossAndGradients: LossAndGradients = ({ model, objective }, rows, { scale, ...options }) => {
  const factor = tf.scalar(scale);
  try {
    return differentiate(model, () => objective.lossSum(model, rows, options), factor);
  } finally {
    factor.dispose();
  }
};

/** The loss that f returns, and its gradients times `factor`. */
function differentiate(model: Model, f: () => tf.Tensor, factor: tf.Tensor): tf.Tensor[] {
  const parameters = [...trainedParameters(model.parameters).values()];
  const { outputs, pullback } = vjp(f, [], { parameters: parameters.map(({ tensor }) => tensor) });
  const gradients = pullback([factor]).parameters.map((gradient, i) => {
    if (!gradient) throw new Error(`no gradient reached ${parameters[i]!.name}: is it used, and used as declared?`);
    return gradient;
  });
  return [...outputs, ...gradients];
}

/** A captured run, and what it is the same for: everything but the numbers of the arrays and the scale. */
interface CapturedStep {
  model: Model;
  key: string;
  step: Captured;
  /** The options of the latest call, of which the random ones change: a run that draws is never replayed. */
  options: ForwardOptions;
}

/**
 * Computes micro-batches from captured runs where the objective's rows have one shape and nothing is drawn, else as
 * `lossAndGradients`, with the same bits. Keeps the runs of two shapes, since the last micro-batch may be smaller.
 */
export function captureLossAndGradients(): { compute: LossAndGradients; dispose(): void } {
  const steps: CapturedStep[] = [];

  const compute: LossAndGradients = (trained, rows, options) => {
    const { model, objective } = trained;
    const { byArrays } = objective;
    // What ranks exchange cannot be replayed.
    if (!byArrays || model.mesh.tensor.size > 1 || model.mesh.context.size > 1)
      return lossAndGradients(trained, rows, options);
    const { scale, ...forward } = options;
    const arrays = byArrays.arrays(rows);
    const key = [objective.name, JSON.stringify(forward.recompute), ...arrays.map(({ shape }) => shape)].join("|");
    let found = steps.find((each) => each.key === key && each.model === model);
    if (!found) {
      const step = captured(
        (factor, ...tensors) => differentiate(model, () => byArrays.lossSum(model, tensors, own.options), factor!),
        {
          inputs: [{ shape: [], dtype: "float32" }, ...arrays.map(({ shape }) => ({ shape }))],
          parameters: () => [...model.parameters.values()].map(({ tensor }) => tensor),
        },
      );
      const own: CapturedStep = { model, key, step, options: forward };
      found = own;
      steps.push(own);
      if (steps.length > 2) steps.shift()!.step.dispose();
    }
    found.options = forward;
    return found.step.run(Float32Array.of(scale), ...arrays.map(({ values }) => values));
  };
  return {
    compute,
    dispose() {
      for (const { step } of steps.splice(0)) step.dispose();
    },
  };
}
