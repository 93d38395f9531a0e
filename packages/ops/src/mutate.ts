/**
 * Changes tensors in place. Only the optimizer and the key/value cache do so, and both must be the sole owner of the
 * memory: clones and reshapes share it and would change too.
 */
import * as tf from "@tensorflow/tfjs";

/** Throws if any other tensor shares this one's memory. */
export function assertSoleOwner(tensor: tf.Tensor, what: string): void {
  const owners = tf.backend().refCount(tensor.dataId);
  if (owners !== 1) {
    throw new Error(`${what} is updated in place, but ${owners} tensors share its memory: dispose its clones first`);
  }
}

/**
 * Makes `target` hold what `value` holds, and disposes `value`. Both have the same shape and type. For backends without
 * in-place kernels: the two tensors swap their memory, so that reference counts stay correct.
 */
export function replaceContents(target: tf.Tensor, value: tf.Tensor): void {
  swapContents(target, value);
  value.dispose();
}

/** Makes each of two tensors hold what the other holds. Both have the same shape and type; clones of either keep theirs. */
export function swapContents(a: tf.Tensor, b: tf.Tensor): void {
  const [mine, theirs] = [a as { dataId: object }, b as { dataId: object }];
  [mine.dataId, theirs.dataId] = [theirs.dataId, mine.dataId];
}
