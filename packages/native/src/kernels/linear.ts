/** The linear layer and its gradients. */
import type { TensorInfo } from "@tensorflow/tfjs";
import { FLOAT, type Kernels, type Run, sizeOf, taking } from "../kernel.ts";
import type { NativeAddon } from "../native-addon.ts";

const lastOf = ({ shape }: TensorInfo): number => shape[shape.length - 1]!;
const rowsOf = ({ shape }: TensorInfo): number => sizeOf(shape.slice(0, -1));

function linear(activations: string[]): Run {
  return ({ inputs: { x, weight, bias }, attrs: { activation }, backend }) => {
    const [outputs, inputs] = weight!.shape as [number, number];
    const handle = backend.engine.linear(
      backend.handleOf(x!),
      backend.handleOf(weight!),
      backend.handleOrNone(bias),
      rowsOf(x!),
      outputs,
      inputs,
      activations.indexOf(activation),
    );
    return backend.output(handle, [...x!.shape.slice(0, -1), outputs]);
  };
}

const inputGradient: Run = ({ inputs: { dy, weight }, backend }) => {
  const [outputs, inputs] = weight!.shape as [number, number];
  const [upstream, weights] = [backend.handleOf(dy!), backend.handleOf(weight!)];
  const handle = backend.engine.linearInputGradient(upstream, weights, rowsOf(dy!), outputs, inputs);
  return backend.output(handle, [...dy!.shape.slice(0, -1), inputs]);
};

const weightGradient: Run = ({ inputs: { x, dy }, backend }) => {
  const [outputs, inputs] = [lastOf(dy!), lastOf(x!)];
  const [values, upstream] = [backend.handleOf(x!), backend.handleOf(dy!)];
  const handle = backend.engine.linearWeightGradient(values, upstream, rowsOf(x!), outputs, inputs);
  return backend.output(handle, [outputs, inputs]);
};

const sumRows: Run = ({ inputs: { x }, backend }) =>
  backend.output(backend.engine.sumRows(backend.handleOf(x!), rowsOf(x!), lastOf(x!)), [lastOf(x!)]);

export function linearKernels(addon: NativeAddon): Kernels {
  return taking(FLOAT, {
    MegatronLinear: linear(addon.activations()),
    MegatronLinearInputGradient: inputGradient,
    MegatronLinearWeightGradient: weightGradient,
    MegatronSumRows: sumRows,
  });
}
