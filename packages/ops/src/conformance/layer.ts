/** A layer with every kind of kernel in it, to differentiate, and the comparison of its gradients. */
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { attention } from "../attention.ts";
import { dropout } from "../dropout.ts";
import { layerNorm } from "../layer-norm.ts";
import { linear } from "../linear.ts";
import { rmsNorm } from "../rms-norm.ts";
import type { ConformanceCase } from "./case.ts";
import { expectClose, expectNoLeak, plain, random, tolerances, toTensor } from "./plain.ts";

export type Operands = [x: tf.Tensor, weight: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor];

export const operands = (): Operands => [
  toTensor(random("x", [2, 5, 8])),
  toTensor(random("weight", [8, 8], { scale: 0.3 })),
  toTensor(random("gamma", [8], { scale: 0.3, shift: 1 })),
  toTensor(random("beta", [8])),
];

const key = hashKey(8, "vjp");

/** Kernels with several outputs, saved inputs and outputs, and dropout. [2, 5, 8] -> [2, 5, 8] */
export function layer(x: tf.Tensor, weight: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const normalised = layerNorm(x, { gamma, beta });
  const q = tf.reshape(linear(normalised, { weight, bias: beta }), [2, 5, 2, 4]);
  const attended = attention({ q, k: q, v: q }, { dropout: { rate: 0.2, key } });
  const hidden = linear(rmsNorm(tf.reshape(attended, x.shape), { gamma }), { weight, activation: "gelu-tanh" });
  return tf.add(x, dropout(hidden, { rate: 0.3, key, origin: [1, 0, 0], globalShape: [4, 5, 8] }));
}

export const cotangent = () => toTensor(random("cotangent", [2, 5, 8]));

export function expectGradients(actual: (tf.Tensor | null)[], expected: tf.Tensor[], tolerance: number): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} gradients, expected ${expected.length}`);
  expected.forEach((reference, i) => {
    const gradient = actual[i];
    if (!gradient) throw new Error(`gradient ${i} is missing`);
    const values = Array.from(reference.dataSync());
    expectClose(gradient, { expected: plain(reference.shape, values), tolerance, what: `gradient ${i}` });
  });
}

/** A case that must leak nothing. */
export const tidily = (name: string, check: (options: { tolerance: number }) => void): ConformanceCase => ({
  name,
  check: ({ precision }) =>
    expectNoLeak(() => tf.tidy(() => check({ tolerance: tolerances[precision] })), { what: name }),
});
