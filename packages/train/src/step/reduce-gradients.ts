/** The sum of gradients over the data axis, once per step and in buckets: one message for many small tensors. */
import type { Communicator } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

/** Values in a bucket: 25 MiB of them, as in PyTorch's DistributedDataParallel. A larger tensor has one of its own. */
export const BUCKET_VALUES = (25 * 2 ** 20) / 4;

/** Sums gradients over the ranks of an axis, each of which has those of its own samples; consumes its input. */
export function allReduce(
  gradients: Gradients,
  axis: Communicator,
  { bucketValues = BUCKET_VALUES }: { bucketValues?: number } = {},
): Gradients {
  if (axis.size === 1) return gradients;
  const tensors = buckets(gradients.tensors, bucketValues).flatMap((members) => reduceBucket(members, axis));
  return { tensors, scale: gradients.scale };
}

/** Runs of tensors, in their order. */
function buckets(tensors: readonly tf.Tensor[], limit: number): tf.Tensor[][] {
  const all: tf.Tensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    if (tensor.size > room) {
      all.push([]);
      room = limit;
    }
    all.at(-1)!.push(tensor);
    room -= tensor.size;
  }
  return all;
}

function reduceBucket(members: readonly tf.Tensor[], axis: Communicator): tf.Tensor[] {
  const values = new Float32Array(members.reduce((total, { size }) => total + size, 0));
  let filled = 0;
  for (const tensor of members) {
    values.set(tensor.dataSync(), filled);
    filled += tensor.size;
  }
  axis.reduce(values);
  let taken = 0;
  return members.map((tensor) => {
    const sum = tf.tensor(values.slice(taken, taken + tensor.size), tensor.shape, "float32");
    taken += tensor.size;
    tensor.dispose();
    return sum;
  });
}
