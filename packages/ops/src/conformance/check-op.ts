/**
 * Checks an op against a float64 reference: its values, inside and outside a recording, its gradients against the
 * reference's and against central differences of the reference's values, and that it leaks no memory.
 */
import * as tf from "@tensorflow/tfjs";
import type { Precision } from "../storage.ts";
import { vjp } from "../vjp.ts";
import type { ConformanceOptions } from "./case.ts";
import {
  expectClose,
  expectNoLeak,
  inPrecision,
  type Plain,
  plain,
  poisonFreedMemory,
  random,
  sizeOf,
  tolerances,
  toTensor,
  withValues,
} from "./plain.ts";

export type Plains = Record<string, Plain>;

export interface OpCheck {
  /** The inputs that gradients are taken with respect to. */
  inputs: Plains;
  /** The op on tensors of these inputs. */
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor;
  forward: (inputs: Plains) => Plain;
  /** The gradients of sum(dy * forward(inputs)); null where the gradient is not checked. */
  backward: ((inputs: Plains, dy: Plain) => Plains) | null;
  /** Number of elements of each input that are checked by finite differences. Default: 8. */
  differences?: number;
}

export function checkOp(given: OpCheck, { precision }: ConformanceOptions): void {
  const op: OpCheck = { ...given, inputs: allInPrecision(given.inputs, precision) };
  expectNoLeak(() => tf.tidy(() => checkValues(op, tolerances[precision])), { what: "the op" });
  if (op.backward)
    expectNoLeak(() => tf.tidy(() => checkGradients(op, tolerances[precision])), { what: "the gradient" });
}

export function allInPrecision(inputs: Plains, precision: Precision): Plains {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, inPrecision(input, precision)]));
}

function tensorsOf(inputs: Plains): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toTensor(input)]));
}

function checkValues({ inputs, run, forward }: OpCheck, tolerance: number): void {
  const expected = forward(inputs);
  poisonFreedMemory([expected]);
  expectClose(run(tensorsOf(inputs)), { expected, tolerance, what: "values" });
}

function checkGradients({ inputs, run, forward, backward, differences = 8 }: OpCheck, tolerance: number): void {
  const names = Object.keys(inputs);
  const tensors = tensorsOf(inputs);
  const expected = forward(inputs);
  const dy = random("dy", expected.shape);
  const { outputs, pullback } = vjp(
    (...list) => run(Object.fromEntries(names.map((name, i) => [name, list[i]!]))),
    Object.values(tensors),
  );
  expectClose(outputs[0]!, { expected, tolerance, what: "recorded values" });
  poisonFreedMemory(Object.values(inputs));
  const gradients = pullback([toTensor(dy)]).inputs;
  const references = backward!(inputs, dy);
  const finite = Object.values(inputs).every(({ values }) => values.every(Number.isFinite));
  names.forEach((name, i) => {
    const gradient = gradients[i];
    if (!gradient) throw new Error(`the gradient of ${name} is missing`);
    const reference = references[name]!;
    expectClose(gradient, { expected: reference, tolerance, what: `gradient of ${name}` });
    if (finite) {
      checkDifferences({ inputs, forward, dy, name, gradient, reference, differences, tolerance });
    }
  });
}

/** Compares a gradient with central differences of the reference's values at elements spread over the input. */
function checkDifferences({
  inputs,
  forward,
  dy,
  name,
  gradient,
  reference,
  differences,
  tolerance,
}: Pick<OpCheck, "inputs" | "forward"> & {
  dy: Plain;
  name: string;
  gradient: tf.Tensor;
  reference: Plain;
  differences: number;
  tolerance: number;
}): void {
  const input = inputs[name]!;
  const size = sizeOf(input.shape);
  const count = Math.min(differences, size);
  const objective = (index: number, value: number) => {
    const y = forward({ ...inputs, [name]: withValues(input, { [index]: value }) });
    return y.values.reduce((sum, element, i) => sum + element * dy.values[i]!, 0);
  };
  const values = gradient.dataSync();
  const largest = reference.values.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  for (let sample = 0; sample < count; sample++) {
    const index = Math.floor(((sample + 0.5) * size) / count);
    const x = input.values[index]!;
    const step = 1e-6 * Math.max(1, Math.abs(x));
    const slope = (objective(index, x + step) - objective(index, x - step)) / (2 * step);
    expectClose(tf.scalar(values[index]!), {
      expected: plain([], [slope]),
      tolerance: (tolerance * largest) / (Math.abs(slope) || 1),
      what: `gradient of ${name}, element ${index}, against finite differences`,
    });
  }
}
