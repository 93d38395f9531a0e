/** Layer norm as a layer: its two weights and the operation. */
import { layerNorm } from "@megatron-ts/ops";
import { type Layer, ones, type Scope, zeros } from "@megatron-ts/parallel";

/** [..., h] -> [..., h] */
export function createLayerNorm(scope: Scope, { size, epsilon }: { size: number; epsilon: number }): Layer {
  const gamma = scope.parameter("weight", [size], ones);
  const beta = scope.parameter("bias", [size], zeros);
  return (x) => layerNorm(x, { gamma: gamma.tensor, beta: beta.tensor, epsilon });
}
