/** The sum of squares of many tensors, from which a global norm is taken after it was reduced over ranks. */
import * as tf from "@tensorflow/tfjs";
import { type Kernel, runKernel } from "./kernel.ts";
import { sumEach } from "./sums.ts";

const sumOfSquaresKernel: Kernel = {
  name: "MegatronSumOfSquares",
  reference: (inputs) =>
    Object.values(inputs)
      .map((tensor) => tf.squeeze(sumEach(tf.reshape(tf.square(tensor), [1, tensor.size]))))
      .reduce((total, part) => tf.add(total, part), tf.scalar(0)),
};

/** Scalar: the sum of the squares of all elements of all tensors. */
export function sumOfSquares(tensors: tf.Tensor[]): tf.Tensor {
  return runKernel(sumOfSquaresKernel, Object.fromEntries(tensors.map((tensor, i) => [`t${i}`, tensor])));
}
