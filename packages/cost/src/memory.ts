/**
 * Bytes that training keeps: weights, gradients and optimizer state per parameter, activations per layer
 * (Rajbhandari et al. 2020 for ZeRO; Korthikanti et al. 2022, "Reducing Activation Recomputation", for activations).
 */

/** Bytes per parameter, by what they are for. */
export interface StateBytes {
  weights: number;
  gradients: number;
  optimizer: number;
  total: number;
}

/**
 * Bytes per parameter of AdamW. In f32: 4 for weights, 4 for gradients, 8 for two moments. In bf16: weights 2,
 * gradients accumulated in 4, and 12 for the f32 master copy and two moments. A distributed optimizer (ZeRO-1) shards
 * the last over its data-parallel ranks.
 */
export function stateBytesPerParameter(options: {
  precision: "f32" | "bf16";
  /** Ranks that share the optimizer state. Default: 1, every rank keeps all of it. */
  optimizerRanks?: number;
}): StateBytes {
  const { precision, optimizerRanks = 1 } = options;
  const weights = precision === "f32" ? 4 : 2;
  const optimizer = (precision === "f32" ? 8 : 12) / optimizerRanks;
  return { weights, gradients: 4, optimizer, total: weights + 4 + optimizer };
}

/** One layer's activations on one micro-batch. */
export interface ActivationShape {
  /** s */
  sequenceLength: number;
  /** b */
  microBatchSize: number;
  /** h */
  hiddenSize: number;
  /** a */
  numHeads: number;
}

/** How a layer is split, and what its backward pass computes again. */
export interface ActivationOptions {
  /** t. Default: 1. */
  tensorRanks?: number;
  /** Norms and dropout are split along the tokens as well. Default: false. */
  sequenceParallel?: boolean;
  /** Default: `"none"`. */
  recompute?: "none" | "selective" | "full";
}

/**
 * Activation bytes that one layer keeps for its backward pass as the papers count them: 16-bit values, one-byte
 * dropout masks, scores and probabilities stored as T x T. Per rank:
 * sbh (10 + 24/t + 5as/(ht)), with sequence parallelism sbh/t (34 + 5as/h); selective recompute drops the scores' term,
 * full recompute keeps only the layer's input, 2sbh.
 */
export function storedActivationBytesPerLayer(shape: ActivationShape, options: ActivationOptions = {}): number {
  const { sequenceLength: s, microBatchSize: b, hiddenSize: h, numHeads: a } = shape;
  const { tensorRanks: t = 1, sequenceParallel = false, recompute = "none" } = options;
  const elements = s * b * h;
  if (recompute === "full") return 2 * elements;
  const scores = recompute === "selective" ? 0 : (5 * a * s) / (h * t);
  return elements * ((sequenceParallel ? 34 / t : 10 + 24 / t) + scores);
}

/**
 * The same for attention that stores no T x T and dropout that stores no masks: 16 values per token and hidden unit
 * (32sbh bytes at 16 bits, 64sbh at 32) and the log-sum-exp of every query, 4abs. On one rank.
 */
export function fusedActivationBytesPerLayer(shape: ActivationShape, options: { precision: "f32" | "bf16" }): number {
  const { sequenceLength: s, microBatchSize: b, hiddenSize: h, numHeads: a } = shape;
  return 16 * (options.precision === "f32" ? 4 : 2) * s * b * h + 4 * a * b * s;
}
