/**
 * What the ranks along one axis of the mesh say to each other. All calls are synchronous, because TensorFlow.js's
 * gradients are, and collective: every rank of the axis makes the same calls in the same order.
 */
import * as tf from "@tensorflow/tfjs";

export interface Communicator {
  readonly size: number;
  /** This process's place on the axis, 0 to size - 1. */
  readonly rank: number;
  /** The elementwise sum over all ranks, alike on each of them. */
  allReduce(tensor: tf.Tensor): tf.Tensor;
  /** All ranks' tensors in rank order, joined along a dimension. */
  allGather(tensor: tf.Tensor, dimension: number): tf.Tensor;
  /** The sum over all ranks, of which each rank gets its slice along a dimension. */
  reduceScatter(tensor: tf.Tensor, dimension: number): tf.Tensor;
  /** The tensor of one rank, on every rank. */
  broadcast(tensor: tf.Tensor, root: number): tf.Tensor;
  send(tensor: tf.Tensor, to: number): void;
  receive(shape: readonly number[], from: number): tf.Tensor;
  barrier(): void;
}

/** The communicator of an axis of one rank: nothing to say. */
export const singleRank: Communicator = {
  size: 1,
  rank: 0,
  allReduce: (tensor) => tensor.clone(),
  allGather: (tensor) => tensor.clone(),
  reduceScatter: (tensor) => tensor.clone(),
  broadcast: (tensor) => tensor.clone(),
  send: () => {
    throw new Error("an axis of one rank has nobody to send to");
  },
  receive: () => {
    throw new Error("an axis of one rank has nobody to receive from");
  },
  barrier: () => {},
};

/**
 * Enters a region that is split over an axis: the same value on every rank, whose gradient is the sum of theirs.
 * (Megatron's f, Shoeybi et al. 2019, section 3.)
 */
export function copyToTensorParallelRegion(x: tf.Tensor, axis: Communicator): tf.Tensor {
  if (axis.size === 1) return x;
  return tf.customGrad((value) => ({
    value: (value as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => axis.allReduce(dy),
  }))(x);
}

/** Leaves a split region: sums the ranks' partial results, and hands the gradient to each of them. (Megatron's g.) */
export function reduceFromTensorParallelRegion(x: tf.Tensor, axis: Communicator): tf.Tensor {
  if (axis.size === 1) return x;
  return tf.customGrad((value) => ({
    value: axis.allReduce(value as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => dy.clone(),
  }))(x);
}
