/** Layer norm and RMS norm as layers. */
import { layerNorm, rmsNorm } from "@megatron-ts/ops";
import { type Layer, ones, type Scope, zeros } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

export interface NormConfig {
  kind: "layer" | "rms";
  size: number;
  epsilon: number;
  /** The weights are stored minus one, as in Gemma and Megatron's apply_layernorm_1p. Default: false. */
  zeroCentered?: boolean;
}

/** [..., h] -> [..., h] */
export function createNorm(scope: Scope, { kind, size, epsilon, zeroCentered = false }: NormConfig): Layer {
  const weight = scope.parameter("weight", [size], zeroCentered ? zeros : ones);
  const gamma = () => (zeroCentered ? tf.add(weight.tensor, 1) : weight.tensor);
  if (kind === "rms") return (x) => rmsNorm(x, { gamma: gamma(), epsilon });
  const beta = scope.parameter("bias", [size], zeros);
  return (x) => layerNorm(x, { gamma: gamma(), beta: beta.tensor, epsilon });
}
