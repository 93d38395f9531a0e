/**
 * Gradients of weights that every rank of the tensor axis holds and uses on rows of its own, as norms are under sequence parallelism:
 * their parts are added once a step, in one message.
 */
import { type Mesh, type Parameters, trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";

/** Adds the parts. Consumes its input. */
export function sumPartialGradients(
  { tensors, scale }: Gradients,
  { parameters, mesh }: { parameters: Parameters; mesh: Mesh },
): Gradients {
  const declared = [...trainedParameters(parameters).values()];
  const isPartial = (index: number) => declared[index]!.partialGradient;
  const partial = tensors.filter((_, index) => isPartial(index));
  if (mesh.tensor.size === 1 || partial.length === 0) return { tensors, scale };
  const values = new Float32Array(partial.reduce((total, { size }) => total + size, 0));
  let filled = 0;
  for (const tensor of partial) {
    values.set(tensor.dataSync(), filled);
    filled += tensor.size;
  }
  mesh.tensor.reduce(values);
  let taken = 0;
  const summed = tensors.map((tensor, index) => {
    if (!isPartial(index)) return tensor;
    const sum = tf.tensor(values.slice(taken, taken + tensor.size), tensor.shape, "float32");
    taken += tensor.size;
    tensor.dispose();
    return sum;
  });
  return { tensors: summed, scale };
}
