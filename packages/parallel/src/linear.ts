/** Linear layers whose weight is split over the tensor axis, by outputs (column) or by inputs (row). */
import { type Activation, linear } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { copyToTensorParallelRegion } from "./communicator.ts";
import { type Initializer, zeros } from "./initializers.ts";
import { heldPart } from "./parts.ts";
import type { Parameter, ParameterKind, Scope } from "./scope.ts";
import { leaveSplitRegion } from "./sequence.ts";

/** Options of a linear layer. Sizes are those of the unsplit weight. */
export interface LinearOptions {
  inputs: number;
  outputs: number;
  initializer: Initializer;
  /** Default: true. */
  bias?: boolean;
  /** Applied to the outputs. Column-parallel only. */
  activation?: Activation;
  /** Of the weight. Column-parallel only. Default: "matrix". */
  kind?: ParameterKind;
  /** Whether the inputs have entered the split region already, see `enterSplitRegion`. Column-parallel only. Default: false. */
  entered?: boolean;
  /** Whether the outputs are a vocabulary, of which the last rank may have fewer. Column-parallel only. Default: false. */
  padded?: boolean;
}

/** [..., inputs] -> [..., outputs], or this rank's slice of either. */
export type Layer = (x: tf.Tensor) => tf.Tensor;

/**
 * Creates a linear layer with weight [outputs, inputs] split by outputs: each rank computes its outputs from the whole
 * input.
 */
export function createColumnParallelLinear(scope: Scope, options: LinearOptions): Layer {
  const { inputs, outputs, initializer, bias = true, activation, kind, padded, entered = false } = options;
  const placement = { dimension: 0, axis: "tensor", padded } as const;
  const weight = scope.parameter("weight", [outputs, inputs], initializer, { placement, kind });
  const offset = bias ? scope.parameter("bias", [outputs], zeros, { placement }) : null;
  const axis = scope.mesh.tensor;
  const held = (parameter: Parameter) => heldPart(parameter.tensor, parameter);
  return (x) =>
    linear(entered ? x : copyToTensorParallelRegion(x, axis), {
      weight: held(weight),
      bias: offset && held(offset),
      activation,
    });
}

/**
 * Creates a linear layer with weight [outputs, inputs] split by inputs: the ranks' partial sums are added, then the
 * bias. Under sequence parallelism, [B, T, inputs] -> this rank's rows [B, T / ranks, outputs].
 */
export function createRowParallelLinear(scope: Scope, options: LinearOptions): Layer {
  const { inputs, outputs, initializer, bias = true } = options;
  const weight = scope.parameter("weight", [outputs, inputs], initializer, {
    placement: { dimension: 1, axis: "tensor" },
  });
  const { mesh } = scope;
  const partialGradient = mesh.sequenceParallel;
  const offset = bias ? scope.parameter("bias", [outputs], zeros, { partialGradient }) : null;
  return (x) => {
    if (mesh.tensor.size === 1) return linear(x, { weight: weight.tensor, bias: offset?.tensor });
    const sum = leaveSplitRegion(linear(x, { weight: weight.tensor }), mesh);
    return offset ? tf.add(sum, offset.tensor) : sum;
  };
}
