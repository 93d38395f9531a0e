/** The gradients of a model's parameters, and their clipping by global norm. */
import { sumOfSquares } from "@megatron-ts/ops";
import type { Mesh, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** One tensor per parameter, in the order of the model's parameters, with a common factor. */
export interface Gradients {
  readonly tensors: tf.Tensor[];
  readonly scale: number;
}

/** The squared norm of all gradients, summed over the tensor axis for split weights. */
export function squaredNorm(
  { tensors, scale }: Gradients,
  { parameters, mesh }: { parameters: Parameters; mesh: Mesh },
) {
  const placed = [...parameters.values()];
  const split = tensors.filter((_, i) => placed[i]!.placement !== null);
  const whole = tensors.filter((_, i) => placed[i]!.placement === null);
  return tf.tidy(() => {
    const ofSplit = split.length > 0 ? mesh.tensor.allReduce(sumOfSquares(split)).dataSync()[0]! : 0;
    const ofWhole = whole.length > 0 ? sumOfSquares(whole).dataSync()[0]! : 0;
    return (ofSplit + ofWhole) * scale * scale;
  });
}

/**
 * Scales gradients down to a global norm of at most `maxNorm`, like torch's clip_grad_norm_; null for no clipping. The
 * tensors are shared with the input, only `scale` differs.
 */
export function clipByGlobalNorm(
  gradients: Gradients,
  { parameters, mesh, maxNorm }: { parameters: Parameters; mesh: Mesh; maxNorm: number | null },
): { clipped: Gradients; norm: number } {
  const norm = Math.sqrt(squaredNorm(gradients, { parameters, mesh }));
  const factor = maxNorm === null ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  return { clipped: { tensors: gradients.tensors, scale: gradients.scale * factor }, norm };
}
