// Floating point operations of training, per token: the matrix products, two operations per multiply-add
// (Narayanan et al. 2021, "Efficient Large-Scale Language Model Training on GPU Clusters", appendix).
import { feedForwardSizeOf, type TransformerShape } from "./transformer-shape.ts";

export type FlopsOptions = {
  /** "full" counts every score, as the papers do; "causal" only those at or below the diagonal. */
  attention?: "full" | "causal";
  /** What the backward pass computes again: nothing, scores and their product with the values, or whole layers. */
  recompute?: "none" | "selective" | "full";
};

export type FlopsPerToken = {
  forward: number;
  /** Twice the forward pass: one product for the inputs' gradients, one for the weights'. */
  backward: number;
  recompute: number;
  /** forward + backward: the work that the model needs, whatever the machine does. Model FLOP/s count this. */
  model: number;
  /** model + recompute: the work that the machine does. Megatron's published TF/s count this, with full recompute. */
  hardware: number;
};

/**
 * FLOPs per token of one training step. With full attention and no recompute,
 * `model` = 72 L h^2 (1 + s/(6h) + V/(12 L h)); with full recompute, `hardware` = 96 L h^2 (1 + s/(6h) + V/(16 L h)).
 */
export const flopsPerToken = (shape: TransformerShape, options: FlopsOptions = {}): FlopsPerToken => {
  const { attention = "full", recompute = "none" } = options;
  const { numLayers, hiddenSize: h, sequenceLength: s, vocabularySize } = shape;
  const keys = attention === "full" ? s : (s + 1) / 2;
  const products = 8 * h * h + 4 * h * feedForwardSizeOf(shape); // query, key, value, output; both MLP matrices
  const scores = 4 * keys * h; // q k^T and p v
  const forward = numLayers * (products + scores) + 2 * h * vocabularySize;
  const again = { none: 0, selective: numLayers * scores, full: numLayers * (products + scores) }[recompute];
  return { forward, backward: 2 * forward, recompute: again, model: 3 * forward, hardware: 3 * forward + again };
};
