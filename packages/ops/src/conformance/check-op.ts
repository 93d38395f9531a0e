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

/** What the reference says of an op, which is the same on every backend. */
interface Reference {
  inputs: Plains;
  expected: Plain;
  /** What the gradients are of, and the gradients; null where they are not checked. */
  gradients: { dy: Plain; of: Plains; slopes: Record<string, Slope[]> } | null;
}

/** The derivative with respect to an element of an input, by central differences. */
interface Slope {
  index: number;
  slope: number;
}

/** References of ops that are checked again, on another backend or with another kernel: they take longer than most kernels. */
const references = new WeakMap<OpCheck, Map<Precision, Reference>>();

function referenceOf(op: OpCheck, precision: Precision): Reference {
  const known = references.get(op) ?? new Map<Precision, Reference>();
  references.set(op, known);
  const found = known.get(precision) ?? computeReference(op, allInPrecision(op.inputs, precision));
  known.set(precision, found);
  return found;
}

function computeReference(op: OpCheck, inputs: Plains): Reference {
  const expected = op.forward(inputs);
  if (!op.backward) return { inputs, expected, gradients: null };
  const dy = random("dy", expected.shape);
  const finite = Object.values(inputs).every(({ values }) => values.every(Number.isFinite));
  const slopes = finite ? Object.keys(inputs).map((name) => [name, slopesOf(op, { inputs, name, dy })]) : [];
  return { inputs, expected, gradients: { dy, of: op.backward(inputs, dy), slopes: Object.fromEntries(slopes) } };
}

/** Central differences of the reference's values at elements spread over the input. */
function slopesOf(
  { forward, differences = 8 }: OpCheck,
  { inputs, name, dy }: { inputs: Plains; name: string; dy: Plain },
): Slope[] {
  const input = inputs[name]!;
  const size = sizeOf(input.shape);
  const count = Math.min(differences, size);
  const objective = (index: number, value: number) => {
    const y = forward({ ...inputs, [name]: withValues(input, { [index]: value }) });
    return y.values.reduce((sum, element, i) => sum + element * dy.values[i]!, 0);
  };
  return Array.from({ length: count }, (_, sample) => {
    const index = Math.floor(((sample + 0.5) * size) / count);
    const x = input.values[index]!;
    const step = 1e-6 * Math.max(1, Math.abs(x));
    return { index, slope: (objective(index, x + step) - objective(index, x - step)) / (2 * step) };
  });
}

/** Checks an op. Its reference is computed once for each precision: pass the same object to check it again. */
export function checkOp(op: OpCheck, { precision }: ConformanceOptions): void {
  const reference = referenceOf(op, precision);
  const tolerance = tolerances[precision];
  expectNoLeak(() => tf.tidy(() => checkValues(op, { reference, tolerance })), { what: "the op" });
  if (op.backward)
    expectNoLeak(() => tf.tidy(() => checkGradients(op, { reference, tolerance })), { what: "the gradient" });
}

export function allInPrecision(inputs: Plains, precision: Precision): Plains {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, inPrecision(input, precision)]));
}

function tensorsOf(inputs: Plains): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toTensor(input)]));
}

interface Against {
  reference: Reference;
  tolerance: number;
}

function checkValues({ run }: OpCheck, { reference: { inputs, expected }, tolerance }: Against): void {
  poisonFreedMemory([expected]);
  expectClose(run(tensorsOf(inputs)), { expected, tolerance, what: "values" });
}

function checkGradients({ run }: OpCheck, { reference, tolerance }: Against): void {
  const { inputs, expected } = reference;
  const { dy, of, slopes } = reference.gradients!;
  const names = Object.keys(inputs);
  const { outputs, pullback } = vjp(
    (...list) => run(Object.fromEntries(names.map((name, i) => [name, list[i]!]))),
    Object.values(tensorsOf(inputs)),
  );
  expectClose(outputs[0]!, { expected, tolerance, what: "recorded values" });
  poisonFreedMemory(Object.values(inputs));
  const gradients = pullback([toTensor(dy)]).inputs;
  names.forEach((name, i) => {
    const gradient = gradients[i];
    if (!gradient) throw new Error(`the gradient of ${name} is missing`);
    expectClose(gradient, { expected: of[name]!, tolerance, what: `gradient of ${name}` });
    checkSlopes(slopes[name] ?? [], { name, gradient, reference: of[name]!, tolerance });
  });
}

/** Compares elements of a gradient with central differences. */
function checkSlopes(
  slopes: readonly Slope[],
  { name, gradient, reference, tolerance }: { name: string; gradient: tf.Tensor; reference: Plain; tolerance: number },
): void {
  const values = gradient.dataSync();
  const largest = reference.values.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  for (const { index, slope } of slopes) {
    expectClose(tf.scalar(values[index]!), {
      expected: plain([], [slope]),
      tolerance: (tolerance * largest) / (Math.abs(slope) || 1),
      what: `gradient of ${name}, element ${index}, against finite differences`,
    });
  }
}
