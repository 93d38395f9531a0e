/** Layer norm and RMS norm as layers. */
import { layerNorm, rmsNorm } from "@megatron-ts/ops";
import { type Layer, ones, type Scope, zeros } from "@megatron-ts/parallel";

export interface NormConfig {
  kind: "layer" | "rms";
  size: number;
  epsilon: number;
}

/** [..., h] -> [..., h] */
export function createNorm(scope: Scope, { kind, size, epsilon }: NormConfig): Layer {
  const gamma = scope.parameter("weight", [size], ones);
  if (kind === "rms") return (x) => rmsNorm(x, { gamma: gamma.tensor, epsilon });
  const beta = scope.parameter("bias", [size], zeros);
  return (x) => layerNorm(x, { gamma: gamma.tensor, beta: beta.tensor, epsilon });
}
