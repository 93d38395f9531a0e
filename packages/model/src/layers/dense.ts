/** A small linear layer that is replicated on all ranks of the tensor axis, as poolers and heads are in Megatron. */
import { type Activation, linear } from "@megatron-ts/ops";
import { type Initializer, type Layer, type ParameterKind, type Scope, zeros } from "@megatron-ts/parallel";

export interface DenseConfig {
  inputs: number;
  outputs: number;
  initializer: Initializer;
  activation?: Activation;
  /** Of the weight. Default: "matrix". */
  kind?: ParameterKind;
  /** Default: true. */
  hasBias?: boolean;
}

/** [..., inputs] -> [..., outputs] */
export function createDense(scope: Scope, config: DenseConfig): Layer {
  const { inputs, outputs, initializer, activation, kind, hasBias = true } = config;
  const weight = scope.parameter("weight", [outputs, inputs], initializer, { kind });
  const bias = hasBias ? scope.parameter("bias", [outputs], zeros) : null;
  return (x) => linear(x, { weight: weight.tensor, bias: bias?.tensor, activation });
}
