/** The mesh of one rank whose peers do not exist: what it receives are ones of the right shapes. For plans of split models. */

import { storageOf, store } from "@megatron-ts/ops";
import { type Communicator, type Mesh, singleRank, singleRankMesh, type Wire } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** The first rank along both axes. */
export function plannedMesh({ tensor, data }: { tensor: number; data: number }): Mesh {
  const axis = (size: number) => (size === 1 ? singleRank : firstOf(size));
  return { ...singleRankMesh, tensor: axis(tensor), data: axis(data) };
}

/** As messages become tensors: made in f32, then stored as they travelled. Of ones, whose logarithms are numbers. */
function received(like: tf.Tensor, shape: readonly number[], wire: Wire = storageOf(like)): tf.Tensor {
  const tensor = tf.fill([...shape], 1, like.dtype as "float32" | "int32");
  if (like.dtype === "float32" && wire === "bf16") store(tensor, wire);
  return tensor;
}

function firstOf(size: number): Communicator {
  const scaled = (tensor: tf.Tensor, dimension: number, { factor, wire }: { factor: number; wire?: Wire }) => {
    const shape = tensor.shape.map((length, i) => (i === dimension ? Math.ceil(length * factor) : length));
    return received(tensor, shape, wire);
  };
  return {
    ...singleRank,
    size,
    rank: 0,
    allReduce: (tensor, { wire } = {}) => received(tensor, tensor.shape, wire),
    allGather: (tensor, dimension, { wire } = {}) => scaled(tensor, dimension, { factor: size, wire }),
    reduceScatter: (tensor, dimension, { wire } = {}) => scaled(tensor, dimension, { factor: 1 / size, wire }),
    broadcast: (tensor, _root, { wire } = {}) => received(tensor, tensor.shape, wire),
    reduceSlices: (values, starts) => values.slice(starts[0], starts[1]),
    send() {},
    receive: (shape) => tf.fill([...shape], 1),
    gatherText: (text) => Array.from({ length: size }, () => text),
  };
}
