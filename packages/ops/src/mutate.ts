/**
 * Changes tensors in place. The optimizer, the key/value cache and `overwrite` do so, and must be the sole owner of the
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

/** What a backend that can write into a tensor's memory implements besides TensorFlow.js's KernelBackend. */
export interface OverwriteBackend {
  overwrite(dataId: object, values: Int32Array | Float32Array): void;
}

/**
 * Overwrites a tensor with as many numbers of its type, in place. Throws an Error if another tensor shares its memory, or
 * for another number of values.
 */
export function overwrite(tensor: tf.Tensor, values: Int32Array | Float32Array): void {
  if (values.length !== tensor.size) throw new Error(`${values.length} numbers do not overwrite [${tensor.shape}]`);
  assertSoleOwner(tensor, "overwrite: the tensor");
  // Any backend may implement the interface; TensorFlow.js's type knows nothing of it.
  const backend = tf.backend() as unknown as Partial<OverwriteBackend>;
  if (backend.overwrite) backend.overwrite(tensor.dataId, values);
  else replaceContents(tensor, tf.tensor(values, tensor.shape, tensor.dtype as "int32" | "float32"));
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
