/**
 * Changing a tensor in place. Only the optimizer and the key/value cache do, and both must own the memory alone:
 * clones and reshapes share it, so a second owner would change behind somebody's back.
 */
import * as tf from "@tensorflow/tfjs";

/** Throws if any other tensor shares this one's memory. */
export function assertSoleOwner(tensor: tf.Tensor, what: string): void {
  const owners = tf.backend().refCount(tensor.dataId);
  if (owners !== 1) {
    throw new Error(`${what} is changed in place but ${owners} tensors share its memory; dispose its clones first`);
  }
}

/**
 * Makes `target` hold what `value` holds, and disposes `value`; both alike in shape and type. For backends without
 * in-place kernels. The two tensors exchange their memory, so that every reference count stays true.
 */
export function replaceContents(target: tf.Tensor, value: tf.Tensor): void {
  const [mine, theirs] = [target as { dataId: object }, value as { dataId: object }];
  [mine.dataId, theirs.dataId] = [theirs.dataId, mine.dataId];
  value.dispose();
}
