/** Conformance of `adamW`: several steps on several tensors at once. */
import * as tf from "@tensorflow/tfjs";
import { type AdamWOptions, adamW } from "./adamw.ts";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import {
  expectAliasUnchanged,
  expectClose,
  expectError,
  expectNoLeak,
  type Plain,
  plain,
  random,
  toTensor,
  withValues,
} from "./conformance/plain.ts";

type Settings = Omit<AdamWOptions, "step" | "weightDecays">;

const defaults = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };

/** One tensor's parameters and moments after a step, as torch.optim.AdamW has it. */
function update(
  { p, m, v }: Record<"p" | "m" | "v", Float64Array>,
  gradient: Float64Array,
  {
    learningRate,
    beta1,
    beta2,
    epsilon,
    step,
    biasCorrection = true,
    gradientScale = 1,
    decay,
  }: Settings & {
    step: number;
    decay: number;
  },
): void {
  const [correction1, correction2] = biasCorrection ? [1 - beta1 ** step, 1 - beta2 ** step] : [1, 1];
  for (let i = 0; i < p.length; i++) {
    const g = gradient[i]! * gradientScale;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    p[i] =
      p[i]! * (1 - learningRate * decay) -
      ((learningRate / correction1) * m[i]!) / (Math.sqrt(v[i]! / correction2) + epsilon);
  }
}

/** Holds `steps` updates to the reference. Gradients differ from step to step. */
function holds(
  name: string,
  {
    shapes,
    decays,
    steps = 4,
    gradientOf,
    ...given
  }: Partial<Settings> & {
    shapes: readonly (readonly number[])[];
    decays: readonly number[];
    steps?: number;
    gradientOf?: (step: number, shape: readonly number[]) => Plain;
  },
): ConformanceCase {
  const settings = { ...defaults, ...given };
  const gradientAt = gradientOf ?? ((step: number, shape: readonly number[]) => random(`gradient ${step}`, shape));
  return {
    name,
    check: () =>
      tf.tidy(() => {
        const initial = shapes.map((shape) => random("parameter", shape));
        const references = initial.map(({ values }) => ({
          p: values.slice(),
          m: new Float64Array(values.length),
          v: new Float64Array(values.length),
        }));
        const parameters = initial.map((array) => toTensor(array));
        const firstMoments = shapes.map((shape) => tf.zeros([...shape]));
        const secondMoments = shapes.map((shape) => tf.zeros([...shape]));
        for (let step = 1; step <= steps; step++) {
          const gradients = shapes.map((shape) => gradientAt(step, shape));
          references.forEach((reference, i) => {
            update(reference, gradients[i]!.values, { ...settings, step, decay: decays[i]! });
          });
          const tensors = gradients.map((gradient) => toTensor(gradient));
          expectNoLeak(
            () =>
              adamW(
                { parameters, gradients: tensors, firstMoments, secondMoments },
                { ...settings, weightDecays: decays, step },
              ),
            { what: "adamW" },
          );
          shapes.forEach((shape, i) => {
            for (const [what, tensors] of [
              ["p", parameters],
              ["m", firstMoments],
              ["v", secondMoments],
            ] as const) {
              const expected = plain(shape, references[i]![what]);
              expectClose(tensors[i]!, { expected, tolerance: 1e-5, what: `${what}${i} after step ${step}` });
            }
          });
        }
      }),
  };
}

const odd = [[1], [7], [33, 7], [], [257], [3, 5, 7]];
const decays = [0.1, 0, 0.1, 0, 0.01, 0];

/** Operands of one tensor [3], which the caller disposes. */
const single = () => ({
  parameters: [tf.ones([3])],
  gradients: [tf.ones([3])],
  firstMoments: [tf.zeros([3])],
  secondMoments: [tf.zeros([3])],
});

const options: AdamWOptions = { ...defaults, weightDecays: [0], step: 1 };

export const adamWSuite: ConformanceSuite = {
  name: "adamW",
  cases: [
    holds("tensors of odd sizes", { shapes: odd, decays }),
    holds("scaled gradients", { shapes: odd, decays, gradientScale: 0.037 }),
    holds("without bias correction, as BERT's", { shapes: odd, decays, biasCorrection: false }),
    holds("a large epsilon", { shapes: [[33]], decays: [0.1], epsilon: 0.1 }),
    holds("tiny gradients", {
      shapes: [[33]],
      decays: [0],
      gradientOf: (step, shape) => random(`gradient ${step}`, shape, { scale: 1e-6 }),
    }),
    holds("gradients of zero leave decay alone", {
      shapes: [[33]],
      decays: [0.1],
      gradientOf: (_, shape) => plain(shape),
    }),
    holds("no elements", { shapes: [[0, 3]], decays: [0.1] }),
    holds("many elements", { shapes: [[257, 1031]], decays: [0.1], steps: 2 }),
    holds("NaN and infinity stay in their element", {
      shapes: [[7]],
      decays: [0],
      steps: 1,
      gradientOf: (_, shape) => withValues(random("gradient", shape), { 2: Number.NaN, 4: Number.POSITIVE_INFINITY }),
    }),
    {
      name: "changes the very tensors it was given",
      check: () =>
        tf.tidy(() => {
          const operands = single();
          const { id } = operands.parameters[0]!;
          adamW(operands, options);
          if (operands.parameters[0]!.id !== id) throw new Error("the parameter is another tensor");
          const expected = plain([3], [0.99, 0.99, 0.99]);
          expectClose(operands.parameters[0]!, { expected, tolerance: 1e-5, what: "the parameter" });
        }),
    },
    {
      name: "never changes a tensor that shares the memory",
      check: () =>
        tf.tidy(() => {
          for (const list of ["parameters", "firstMoments", "secondMoments"] as const) {
            const operands = single();
            expectAliasUnchanged(operands[list][0]!, () => adamW(operands, options));
            adamW(operands, options);
          }
        }),
    },
    {
      name: "gradients of another shape are an error",
      check: () =>
        tf.tidy(() => {
          expectError(() => adamW({ ...single(), gradients: [tf.ones([4])] }, options), /its gradient \[4\]/);
        }),
    },
  ],
};
