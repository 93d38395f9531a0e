/** The sum of squares of many tensors. Its square root, after a reduction over ranks, is the global norm. */
import * as tf from "@tensorflow/tfjs";
import { type Kernel, runKernel } from "./kernel.ts";
import { sumEach } from "./rows.ts";

const sumOfSquaresKernel: Kernel = {
  name: "MegatronSumOfSquares",
  reference: (inputs) =>
    Object.values(inputs)
      .map((tensor) => tf.squeeze(sumEach(tf.reshape(tf.square(tensor), [1, tensor.size]))))
      .reduce((total, part) => tf.add(total, part), tf.scalar(0)),
};

/** The sum of the squares of all elements of all tensors, as a scalar. */
export function sumOfSquares(tensors: tf.Tensor[]): tf.Tensor {
  return runKernel(sumOfSquaresKernel, Object.fromEntries(tensors.map((tensor, i) => [`t${i}`, tensor])));
}
