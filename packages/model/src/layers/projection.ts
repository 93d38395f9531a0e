/**
 * The linear layers of a block, split over the tensor axis by outputs (column) or by inputs (row), with a low-rank adapter
 * where the scope asks for one.
 */
import { activate, droppable } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createRowParallelLinear,
  type LinearOptions,
  type Scope,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { StepRandomness } from "./dropout.ts";
import { createLowRankAdapter, isAdapted } from "./low-rank-adapter.ts";

/** [..., inputs] -> [..., outputs], or this rank's slice of either; `random` turns the dropout of adapters on. */
export type Projection = (x: tf.Tensor, options?: { random?: StepRandomness | null }) => tf.Tensor;

/** Creates a linear layer of a block. An activation is for a layer that is split by outputs. */
export function createProjection(
  scope: Scope,
  { split, ...options }: LinearOptions & { split: "column" | "row" },
): Projection {
  const create = split === "column" ? createColumnParallelLinear : createRowParallelLinear;
  if (!isAdapted(scope)) {
    const layer = create(scope, options);
    return (x) => layer(x);
  }
  const { activation = "none", ...plain } = options;
  const layer = create(scope, plain);
  const adapt = createLowRankAdapter(scope, { split, ...plain });
  return (x, { random } = {}) => {
    const y = tf.add(layer(x), adapt(x, random));
    return activation === "none" ? y : droppable((sum) => activate(sum!, activation), [y]);
  };
}
