/** The mesh of one rank whose peers do not exist: what it receives are ones of the right shapes. For plans of split models. */

import { storageOf, store } from "@megatron-ts/ops";
import { type Communicator, type Mesh, singleRank, singleRankMesh, type Wire } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { ParallelConfig } from "../configuration/train-configuration.ts";

/** The first rank along the tensor and the data axis, and the last along the context axis, which sees all tokens before its own. */
export function plannedMesh(
  {
    tensor,
    data,
    context,
    sequenceParallel,
    virtualStages,
  }: Pick<ParallelConfig, "tensor" | "data" | "context" | "sequenceParallel" | "virtualStages">,
  pipeline: Communicator = singleRank,
): Mesh {
  const axis = (size: number, rank = 0) => (size === 1 ? singleRank : plannedAxis({ size, rank }));
  return {
    ...singleRankMesh,
    ...{ tensor: axis(tensor), data: axis(data), context: axis(context, context - 1), replicas: axis(data * context) },
    ...{ pipeline, sequenceParallel, virtualStages },
  };
}

/** As messages become tensors: made in f32, then stored as they travelled. Of ones, whose logarithms are numbers. */
export function received(
  { dtype }: { dtype: string },
  { shape, wire }: { shape: readonly number[]; wire: Wire },
): tf.Tensor {
  const tensor = tf.fill([...shape], 1, dtype as "float32" | "int32");
  if (dtype === "float32" && wire === "bf16") store(tensor, wire);
  return tensor;
}

/** An axis on which every rank has tensors like this one's. */
export function plannedAxis({ size, rank }: Pick<Communicator, "size" | "rank">): Communicator {
  const like = (tensor: tf.Tensor, wire?: Wire, shape: readonly number[] = tensor.shape) =>
    received(tensor, { shape, wire: wire ?? storageOf(tensor) });
  const scaled = (tensor: tf.Tensor, dimension: number, { factor, wire }: { factor: number; wire?: Wire }) =>
    like(
      tensor,
      wire,
      tensor.shape.map((length, i) => (i === dimension ? Math.ceil(length * factor) : length)),
    );
  return {
    ...singleRank,
    ...{ size, rank },
    allReduce: (tensor, { wire } = {}) => like(tensor, wire),
    allGather: (tensor, dimension, { wire } = {}) => scaled(tensor, dimension, { factor: size, wire }),
    reduceScatter: (tensor, dimension, { wire } = {}) => scaled(tensor, dimension, { factor: 1 / size, wire }),
    broadcast: (tensor, _root, { wire } = {}) => like(tensor, wire),
    reduceSlices: (values, starts) => values.slice(starts[rank], starts[rank + 1]),
    send() {},
    receive: (shape, _from, { wire = "f32", dtype = "float32" } = {}) => received({ dtype }, { shape, wire }),
    gatherText: (text) => Array.from({ length: size }, () => text),
  };
}
