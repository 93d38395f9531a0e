/** The gradients of a model's parameters, and their clipping by global norm. */
import { sumOfSquares } from "@megatron-ts/ops";
import { type Mesh, type Parameter, type Parameters, trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** One tensor per trained parameter, in the order of the model's parameters, with a common factor. */
export interface Gradients {
  readonly tensors: tf.Tensor[];
  readonly scale: number;
}

/** Of which weights gradients are, and on which ranks the others are. */
export interface NormOptions {
  parameters: Parameters;
  mesh: Mesh;
  /** Whether each replica has the gradients of its share alone. Default: false. */
  sharded?: boolean;
  /** Whether a weight counts on this stage of the pipeline. Default: all do. */
  isCounted?: (parameter: Parameter) => boolean;
}

/** The squared norm of all gradients, summed over the tensor axis for split weights. */
export function squaredNorm(
  { tensors, scale }: Gradients,
  { parameters, mesh, sharded = false, isCounted = () => true }: NormOptions,
): number {
  const placed = [...trainedParameters(parameters).values()];
  const split = tensors.filter((_, i) => placed[i]!.placement !== null && isCounted(placed[i]!));
  const whole = tensors.filter((_, i) => placed[i]!.placement === null && isCounted(placed[i]!));
  const ofSplit = Float64Array.of(sumOf(split));
  mesh.tensor.reduce(ofSplit);
  const sum = Float64Array.of(ofSplit[0]! + sumOf(whole));
  if (sharded) mesh.replicas.reduce(sum);
  mesh.pipeline.reduce(sum);
  return sum[0]! * scale * scale;
}

/** Their sum of squares. */
function sumOf(tensors: tf.Tensor[]): number {
  return tensors.length > 0 ? tf.tidy(() => sumOfSquares(tensors).dataSync()[0]!) : 0;
}

/**
 * Scales gradients down to a global norm of at most `maxNorm`, like torch's clip_grad_norm_; null for no clipping. The
 * tensors are shared with the input, only `scale` differs.
 */
export function clipByGlobalNorm(
  gradients: Gradients,
  { maxNorm, ...options }: NormOptions & { maxNorm: number | null },
): { clipped: Gradients; norm: number } {
  const norm = Math.sqrt(squaredNorm(gradients, options));
  const factor = maxNorm === null ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  return { clipped: { tensors: gradients.tensors, scale: gradients.scale * factor }, norm };
}
