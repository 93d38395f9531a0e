/** Conformance of `linear`: products, biases and activations, fused and recorded. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceOptions, ConformanceSuite } from "./conformance/case.ts";
import { checkOp, type Plains } from "./conformance/check-op.ts";
import { expectError, type Plain, plain, random, sizeOf, withValues } from "./conformance/plain.ts";
import { geluOf, geluSlopeOf } from "./gelu.conformance.ts";
import { type Activation, linear } from "./linear.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const activations: Record<Activation, { value: (x: number) => number; slope: (x: number) => number }> = {
  none: { value: (x) => x, slope: () => 1 },
  "gelu-tanh": { value: (x) => geluOf(x, "tanh"), slope: (x) => geluSlopeOf(x, "tanh") },
  "gelu-erf": { value: (x) => geluOf(x, "erf"), slope: (x) => geluSlopeOf(x, "erf") },
  "squared-relu": { value: (x) => Math.max(x, 0) ** 2, slope: (x) => 2 * Math.max(x, 0) },
  relu: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  silu: { value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
};

/** x W^T + b */
function product({ x, weight, bias }: Plains): Plain {
  const [outputs, inputs] = weight!.shape as [number, number];
  const rows = sizeOf(x!.shape) / inputs;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = bias ? bias.values[output]! : 0;
      for (let input = 0; input < inputs; input++) {
        sum += x!.values[row * inputs + input]! * weight!.values[output * inputs + input]!;
      }
      y[row * outputs + output] = sum;
    }
  }
  return plain([...x!.shape.slice(0, -1), outputs], y);
}

function forward(inputs: Plains, activation: Activation): Plain {
  const y = product(inputs);
  return plain(y.shape, y.values.map(activations[activation].value));
}

function backward({ x, weight, bias }: Plains, dy: Plain, activation: Activation): Plains {
  const [outputs, inputs] = weight!.shape as [number, number];
  const rows = dy.values.length / outputs;
  const slopes = product({ x: x!, weight: weight!, ...(bias ? { bias } : {}) }).values.map(
    activations[activation].slope,
  );
  const dx = new Float64Array(rows * inputs);
  const dWeight = new Float64Array(outputs * inputs);
  const dBias = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      const slope = dy.values[row * outputs + output]! * slopes[row * outputs + output]!;
      dBias[output]! += slope;
      for (let input = 0; input < inputs; input++) {
        dx[row * inputs + input]! += slope * weight!.values[output * inputs + input]!;
        dWeight[output * inputs + input]! += slope * x!.values[row * inputs + input]!;
      }
    }
  }
  const gradients = { x: plain(x!.shape, dx), weight: plain(weight!.shape, dWeight) };
  return bias ? { ...gradients, bias: plain([outputs], dBias) } : gradients;
}

function check(
  inputs: Plains,
  { activation = "none", differentiable = true }: { activation?: Activation; differentiable?: boolean },
  options: ConformanceOptions,
): void {
  checkOp(
    {
      inputs,
      run: ({ x, weight, bias }) => linear(x!, { weight: weight!, bias, activation }),
      forward: (plains) => forward(plains, activation),
      backward: differentiable ? (plains, dy) => backward(plains, dy, activation) : null,
      differences: sizeOf(inputs.x!.shape) > 5000 ? 2 : 8,
    },
    options,
  );
}

function operands(x: readonly number[], outputs: number, { bias = true } = {}): Plains {
  const inputs = x[x.length - 1]!;
  const weight = random("weight", [outputs, inputs], { scale: 1 / Math.sqrt(inputs) });
  return bias ? { x: random("x", x), weight, bias: random("bias", [outputs]) } : { x: random("x", x), weight };
}

const shapes: [x: number[], outputs: number][] = [
  [[1, 1], 1],
  [[7, 33], 1],
  [[1, 257], 33],
  [[33, 7], 257],
  [[33, 257], 7],
  [[3, 5, 33], 7],
  [[7], 33],
  [[0, 7], 33],
  [[2, 0, 7], 3],
  [[4099, 7], 5],
  [[65, 129], 130],
];

const named = (activation: Activation): ConformanceCase => ({
  name: `[7, 33] -> 7 with ${activation}`,
  check: (options) => check(operands([7, 33], 7), { activation }, options),
});

export const linearSuite: ConformanceSuite = {
  name: "linear",
  cases: [
    ...shapes.flatMap(([x, outputs]) =>
      [true, false].map((bias) => ({
        name: `[${x}] -> ${outputs}${bias ? "" : " without bias"}`,
        check: (options: ConformanceOptions) => check(operands(x, outputs, { bias }), {}, options),
      })),
    ),
    ...(Object.keys(activations) as Activation[]).map(named),
    {
      name: "NaN and infinity in a row of x reach that row of y only",
      check: (options) => {
        const inputs = operands([5, 7], 3);
        const x = withValues(inputs.x!, { 9: Number.NaN, 23: Number.POSITIVE_INFINITY });
        check({ ...inputs, x }, {}, options);
      },
    },
    {
      name: "NaN in a row of the weight reaches that column of y only",
      check: (options) => {
        const inputs = operands([5, 7], 3);
        check({ ...inputs, weight: withValues(inputs.weight!, { 8: Number.NaN }) }, {}, options);
      },
    },
    {
      name: "a size that does not fit is an error",
      check: () => {
        const [x, weight, bias] = [tf.zeros([2, 3]), tf.zeros([4, 5]), tf.zeros([3])];
        expectError(() => linear(x, { weight }), /linear: x \[2,3\] does not fit weight \[4,5\]/);
        expectError(() => linear(tf.zeros([2, 5]), { weight, bias }), /linear: bias \[3\] does not fit weight/);
      },
    },
  ],
};
