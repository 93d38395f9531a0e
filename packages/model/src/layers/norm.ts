/** Layer norm and RMS norm as layers. */
import { droppable, layerNorm, rmsNorm } from "@megatron-ts/ops";
import { copyToTensorParallelRegion, type Layer, ones, type Parameter, type Scope, zeros } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

export interface NormConfig {
  kind: "layer" | "rms";
  size: number;
  epsilon: number;
  /** The weights are stored minus one, as in Gemma and Megatron's apply_layernorm_1p. Default: false. */
  zeroCentered?: boolean;
}

/**
 * [..., h] -> [..., h]. Selective recomputation drops its results.
 * @param options.ofSplit whether each rank of the tensor axis norms other vectors with the same weights, whose gradients add up;
 * `ofRows`, whether it does under sequence parallelism, where they are added once a step
 */
export function createNorm(
  scope: Scope,
  { kind, size, epsilon, zeroCentered = false }: NormConfig,
  { ofSplit = false, ofRows = false } = {},
): Layer {
  const shared = (parameter: Parameter) =>
    ofSplit ? copyToTensorParallelRegion(parameter.tensor, scope.mesh.tensor) : parameter.tensor;
  const partialGradient = ofRows && scope.mesh.sequenceParallel;
  const weight = scope.parameter("weight", [size], zeroCentered ? zeros : ones, { partialGradient });
  const gamma = () => (zeroCentered ? tf.add(shared(weight), 1) : shared(weight));
  if (kind === "rms") {
    return (x) => droppable((y) => rmsNorm(y!, { gamma: gamma(), epsilon }), [x], { parameters: [weight.tensor] });
  }
  const beta = scope.parameter("bias", [size], zeros, { partialGradient });
  return (x) =>
    droppable((y) => layerNorm(y!, { gamma: gamma(), beta: shared(beta), epsilon }), [x], {
      parameters: [weight.tensor, beta.tensor],
    });
}
