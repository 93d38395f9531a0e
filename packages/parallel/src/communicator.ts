/**
 * Communication between the ranks along one axis of the mesh. All calls are synchronous, because TensorFlow.js's
 * gradients are, and collective: every rank of the axis makes the same calls in the same order.
 */
import * as tf from "@tensorflow/tfjs";
import type { ReduceOptions, Reducible, Wire } from "./communicators/reduce.ts";
import type { ExchangeOptions } from "./communicators/transport.ts";

/** How a tensor travels. Default: as it is stored, float32 or bfloat16. */
export interface WireOptions {
  wire?: Wire;
}

/** The ranks along one axis, as one of them sees them. */
export interface Communicator {
  readonly size: number;
  /** Index of this process on the axis, 0 to size - 1. */
  readonly rank: number;
  /** Sums numbers over all ranks in place, on every rank; or takes their maximum. */
  reduce(values: Reducible, options?: ReduceOptions): void;
  /** Returns the elementwise sum (or maximum) over all ranks, on every rank. */
  allReduce(tensor: tf.Tensor, options?: ReduceOptions): tf.Tensor;
  /** Concatenates all ranks' tensors, in rank order, along a dimension. */
  allGather(tensor: tf.Tensor, dimension: number, options?: WireOptions & ExchangeOptions): tf.Tensor;
  /**
   * Sums over all ranks, and returns this rank's slice of the sum along a dimension.
   * @throws ParallelError if the ranks do not divide the dimension
   */
  reduceScatter(tensor: tf.Tensor, dimension: number, options?: ReduceOptions): tf.Tensor;
  /**
   * Sums float32 values over all ranks, and returns this rank's slice of the sum. Slices may differ in length: that of rank r
   * is `starts[r]` to `starts[r + 1]`.
   */
  reduceSlices(values: Float32Array, starts: readonly number[]): Float32Array;
  /** Fills in the other ranks' slices of the values, in place. */
  gatherSlices(values: Float32Array, starts: readonly number[], options?: ExchangeOptions): void;
  /** Returns the tensor of rank `root`, on every rank; the others pass one of its shape and type. */
  broadcast(tensor: tf.Tensor, root: number, options?: WireOptions & ExchangeOptions): tf.Tensor;
  /** Sends a tensor to another rank, which calls {@link receive}. Does not wait for it. */
  send(tensor: tf.Tensor, to: number, options?: WireOptions): void;
  /** Receives the tensor of this shape that another rank sends. Tensors arrive in the order in which they were sent. */
  receive(shape: readonly number[], from: number, options?: WireOptions & { dtype?: "float32" | "int32" }): tf.Tensor;
  /** Returns when every rank has called it. */
  barrier(options?: ExchangeOptions): void;
  /** Every rank's text, in rank order. */
  gatherText(text: string, options?: ExchangeOptions): string[];
}

/** The communicator of an axis with one rank: every collective is the identity. */
export const singleRank: Communicator = {
  size: 1,
  rank: 0,
  reduce: () => {},
  allReduce: (tensor) => tensor.clone(),
  allGather: (tensor) => tensor.clone(),
  reduceScatter: (tensor) => tensor.clone(),
  reduceSlices: (values) => values.slice(),
  gatherSlices: () => {},
  broadcast: (tensor) => tensor.clone(),
  send: () => {
    throw new Error("cannot send: this axis has only one rank");
  },
  receive: () => {
    throw new Error("cannot receive: this axis has only one rank");
  },
  barrier: () => {},
  gatherText: (text) => [text],
};

/**
 * Passes a value that is the same on every rank into a region split over an axis: identity forward, all-reduce of the
 * gradient backward (Megatron's f; Shoeybi et al. 2019, section 3).
 */
export function copyToTensorParallelRegion(x: tf.Tensor, axis: Communicator): tf.Tensor {
  if (axis.size === 1) return x;
  return tf.customGrad((value) => ({
    value: (value as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => axis.allReduce(dy),
  }))(x);
}

/** Adds the partial results of a region split over an axis: all-reduce forward, identity backward (Megatron's g). */
export function reduceFromTensorParallelRegion(x: tf.Tensor, axis: Communicator): tf.Tensor {
  if (axis.size === 1) return x;
  return tf.customGrad((value) => ({
    value: axis.allReduce(value as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => dy.clone(),
  }))(x);
}
