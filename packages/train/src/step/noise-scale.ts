/**
 * The gradient noise scale: the batch size up to which more samples per step pay off. Compares the squared gradient norms
 * of a small and a large batch, which gradient accumulation provides. Numbers only.
 * McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", appendix A.1.
 */

/** Smoothed estimates of the true gradient and of its noise; plain JSON, for the checkpoint. */
export type NoiseScaleState = {
  /** Moving average of the estimates of |G|^2, the squared norm of the true gradient. */
  squaredGradient: number;
  /** Moving average of the estimates of tr(Sigma), the summed variance of one sample's gradient. */
  variance: number;
  /** How much of both averages has been filled, in [0, 1). */
  weight: number;
};

/** The state before the first step. */
export const initialNoiseScaleState: Readonly<NoiseScaleState> = { squaredGradient: 0, variance: 0, weight: 0 };

/** Squared norms of the mean gradients of one step's batch and of its parts. */
export interface GradientNorms {
  /** Samples in one part (micro-batch). */
  smallBatch: number;
  /** Mean over the parts of the squared norm of each part's mean gradient. */
  smallSquaredNorm: number;
  /** Samples in the whole batch: more than `smallBatch`. */
  largeBatch: number;
  /** Squared norm of the whole batch's mean gradient. */
  largeSquaredNorm: number;
}

/**
 * The state after one more step. |G|^2 and tr(Sigma) are smoothed apart, since the mean of their ratio would be biased.
 * @param decay of the moving averages, in [0, 1)
 */
export function nextNoiseScaleState(state: NoiseScaleState, norms: GradientNorms, decay = 0.99): NoiseScaleState {
  const { smallBatch, smallSquaredNorm, largeBatch, largeSquaredNorm } = norms;
  if (!(largeBatch > smallBatch)) {
    throw new RangeError(`the noise scale needs two batch sizes, got ${smallBatch} and ${largeBatch}`);
  }
  const squaredGradient = (largeBatch * largeSquaredNorm - smallBatch * smallSquaredNorm) / (largeBatch - smallBatch);
  const variance = (smallSquaredNorm - largeSquaredNorm) / (1 / smallBatch - 1 / largeBatch);
  const smooth = (average: number, estimate: number) => decay * average + (1 - decay) * estimate;
  return {
    squaredGradient: smooth(state.squaredGradient, squaredGradient),
    variance: smooth(state.variance, variance),
    weight: smooth(state.weight, 1),
  };
}

/** The estimate so far. */
export interface NoiseScale {
  /** tr(Sigma) / |G|^2, in samples (the paper's B_simple, equation 2.9). */
  noiseScale: number;
  /** The noise scale rounded to a number of samples: beyond it, larger batches gain less and less. */
  suggestedBatchSize: number;
}

/** The current estimate; null before the first step, or if noise makes an estimate negative. */
export function noiseScaleOf({ squaredGradient, variance, weight }: NoiseScaleState): NoiseScale | null {
  // Both averages lack the same part of their weight, so it cancels in the ratio.
  const noiseScale = variance / squaredGradient;
  const known = weight > 0 && squaredGradient > 0 && variance > 0 && Number.isFinite(noiseScale);
  return known ? { noiseScale, suggestedBatchSize: Math.max(1, Math.round(noiseScale)) } : null;
}
