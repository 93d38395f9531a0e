/** y = activation(x W^T + b), which takes up nearly all of a transformer's time. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { gelu } from "./gelu.ts";
import { type Kernel, runKernel } from "./kernel.ts";
import { droppable } from "./recompute.ts";
import { sumRows } from "./rows.ts";
import { squaredRelu } from "./squared-relu.ts";
import { isRecording } from "./tape.ts";

/** The activation functions of feed-forward layers. */
export type Activation = "none" | "gelu-tanh" | "gelu-erf" | "relu" | "squared-relu" | "silu";

const sizeOf = (x: { shape: readonly number[] } | undefined) => tf.util.sizeFromShape([...x!.shape]);

/** [..., n] as a matrix [N, n]. */
const asMatrix = (x: tf.Tensor) => tf.reshape(x, [-1, x.shape[x.rank - 1]!]) as tf.Tensor2D;
const withLastDimension = (x: tf.Tensor, size: number) => [...x.shape.slice(0, -1), size];

const sumRowsKernel: Kernel = {
  name: "MegatronSumRows",
  reference: ({ x }) => sumRows(x!),
};

const inputGradientKernel: Kernel = {
  name: "MegatronLinearInputGradient",
  flops: ({ dy, weight }) => 2 * sizeOf(dy) * weight!.shape[1]!,
  reference: ({ dy, weight }) =>
    tf.reshape(tf.matMul(asMatrix(dy!), weight as tf.Tensor2D), withLastDimension(dy!, weight!.shape[1]!)),
};

const weightGradientKernel: Kernel = {
  name: "MegatronLinearWeightGradient",
  flops: ({ x, dy }) => 2 * sizeOf(x) * dy!.shape.at(-1)!,
  // Some backends leave a product over no rows undefined.
  reference: ({ x, dy }) =>
    x!.size === 0 || dy!.size === 0
      ? tf.zeros([dy!.shape[dy!.rank - 1]!, x!.shape[x!.rank - 1]!])
      : tf.matMul(asMatrix(dy!), asMatrix(x!), true, false),
};

const linearKernel: Kernel<{ activation: Activation }> = {
  name: "MegatronLinear",
  flops: ({ x, weight }) => 2 * sizeOf(x) * weight!.shape[0]!,
  reference: ({ x, weight, bias }, { activation }) => {
    const product = tf.matMul(asMatrix(x!), weight as tf.Tensor2D, false, true);
    const y = tf.reshape(bias ? tf.add(product, bias) : product, withLastDimension(x!, weight!.shape[0]!));
    return activate(y, activation);
  },
  gradient: {
    inputsToSave: ["x", "weight"],
    gradFunc: (dy, [x, weight]) => ({
      x: () => runKernel(inputGradientKernel, { dy: dy as tf.Tensor, weight: weight! }),
      weight: () => runKernel(weightGradientKernel, { x: x!, dy: dy as tf.Tensor }),
      bias: () => runKernel(sumRowsKernel, { x: dy as tf.Tensor }),
    }),
  },
};

/** Applies an activation, elementwise. Returns x itself for "none". */
export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  switch (activation) {
    case "none":
      return x;
    case "gelu-tanh":
      return gelu(x, { approximate: "tanh" });
    case "gelu-erf":
      return gelu(x, { approximate: "erf" });
    case "relu":
      return tf.relu(x);
    case "squared-relu":
      return squaredRelu(x);
    case "silu":
      return tf.mul(x, tf.sigmoid(x));
  }
}

/**
 * x [..., I], weight [O, I], bias [O] -> [..., O]. Throws a ShapeError if weight or bias does not fit.
 *
 * While gradients are recorded the activation is a separate operation, since its backward needs its input; otherwise it
 * is fused.
 */
export function linear(
  x: tf.Tensor,
  { weight, bias, activation = "none" }: { weight: tf.Tensor; bias?: tf.Tensor | null; activation?: Activation },
): tf.Tensor {
  const [outputs, inputs] = weight.shape;
  expectShape(
    weight.rank === 2 && x.rank >= 1 && x.shape[x.rank - 1] === inputs,
    () => `linear: x [${x.shape}] does not fit weight [${weight.shape}]: the last dimension of x must be ${inputs}`,
  );
  expectShape(
    !bias || (bias.rank === 1 && bias.shape[0] === outputs),
    () => `linear: bias [${bias!.shape}] does not fit weight [${weight.shape}]: it must be [${outputs}]`,
  );
  const operands: Record<string, tf.Tensor> = bias ? { x, weight, bias } : { x, weight };
  if (!isRecording()) return runKernel(linearKernel, operands, { activation });
  const y = runKernel(linearKernel, operands, { activation: "none" });
  return activation === "none" ? y : droppable((x) => activate(x!, activation), [y]);
}
