/** Squared ReLU (So et al. 2021). */
import * as tf from "@tensorflow/tfjs";
import { type Kernel, runKernel } from "./kernel.ts";

const squaredReluGradientKernel: Kernel = {
  name: "MegatronSquaredReluGradient",
  reference: ({ dy, x }) => tf.mul(dy!, tf.mul(2, tf.relu(x!))),
};

const squaredReluKernel: Kernel = {
  name: "MegatronSquaredRelu",
  reference: ({ x }) => tf.square(tf.relu(x!)),
  gradient: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => runKernel(squaredReluGradientKernel, { dy: dy as tf.Tensor, x: x! }) }),
  },
};

/** relu(x)^2, elementwise. Any shape. */
export function squaredRelu(x: tf.Tensor): tf.Tensor {
  return runKernel(squaredReluKernel, { x });
}
