import { hashKey, normals } from "@megatron-ts/random";
import { describe, expect, it } from "vitest";
import { initialNoiseScaleState, nextNoiseScaleState, noiseScaleOf } from "./noise-scale.ts";

const squaredNorm = (vector: Float64Array) => vector.reduce((sum, value) => sum + value * value, 0);

/** Norms of a step on `parts` micro-batches of per-sample gradients N(mean, sigma^2) in each of `size` dimensions. */
function syntheticNorms(
  step: number,
  gradient: { size: number; mean: number; sigma: number; smallBatch: number; parts: number },
) {
  const { size, mean, sigma, smallBatch, parts } = gradient;
  const whole = new Float64Array(size);
  let smallSquaredNorm = 0;
  for (let part = 0; part < parts; part++) {
    // The mean of smallBatch samples, drawn directly.
    const noise = normals(hashKey(7, step, part), size);
    const small = Float64Array.from(noise, (z) => mean + (sigma / Math.sqrt(smallBatch)) * z);
    smallSquaredNorm += squaredNorm(small) / parts;
    small.forEach((value, i) => {
      whole[i]! += value / parts;
    });
  }
  return { smallBatch, smallSquaredNorm, largeBatch: smallBatch * parts, largeSquaredNorm: squaredNorm(whole) };
}

describe("gaussian gradients", () => {
  // |G|^2 = size mean^2, tr(Sigma) = size sigma^2.
  it.each([
    { size: 200, mean: 0.1, sigma: 1, smallBatch: 4, parts: 8, truth: 100 },
    { size: 200, mean: 0.5, sigma: 1, smallBatch: 1, parts: 2, truth: 4 },
    { size: 400, mean: 0.25, sigma: 5, smallBatch: 32, parts: 4, truth: 400 },
  ])("a noise scale of $truth is found within 4 %", ({ truth, ...gradient }) => {
    let state = initialNoiseScaleState;
    for (let step = 0; step < 3000; step++) state = nextNoiseScaleState(state, syntheticNorms(step, gradient), 0.999);
    const { noiseScale, suggestedBatchSize } = noiseScaleOf(state)!;
    expect(Math.abs(noiseScale / truth - 1)).toBeLessThan(0.04);
    expect(suggestedBatchSize).toBe(Math.round(noiseScale));
    expect(state.variance / state.weight / (gradient.size * gradient.sigma ** 2)).toBeCloseTo(1, 1);
  });
});

it("by hand: expected norms give exactly the truth, from the first step on", () => {
  // |G|^2 = 2, tr(Sigma) = 24: E|G_B|^2 = 2 + 24 / B.
  const norms = { smallBatch: 4, smallSquaredNorm: 8, largeBatch: 16, largeSquaredNorm: 3.5 };
  const once = nextNoiseScaleState(initialNoiseScaleState, norms, 0.5);
  expect(once).toEqual({ squaredGradient: 1, variance: 12, weight: 0.5 });
  expect(noiseScaleOf(once)).toEqual({ noiseScale: 12, suggestedBatchSize: 12 });
  expect(nextNoiseScaleState(once, norms, 0.5)).toEqual({ squaredGradient: 1.5, variance: 18, weight: 0.75 });
});

it("nothing is suggested before the first step, nor when noise drowns the gradient", () => {
  expect(noiseScaleOf(initialNoiseScaleState)).toBeNull();
  const drowned = { smallBatch: 1, smallSquaredNorm: 10, largeBatch: 2, largeSquaredNorm: 4 };
  expect(noiseScaleOf(nextNoiseScaleState(initialNoiseScaleState, drowned))).toBeNull();
  const noiseless = { smallBatch: 1, smallSquaredNorm: 4, largeBatch: 2, largeSquaredNorm: 4 };
  expect(noiseScaleOf(nextNoiseScaleState(initialNoiseScaleState, noiseless))).toBeNull();
});

it("one batch size says nothing", () => {
  const norms = { smallBatch: 8, smallSquaredNorm: 1, largeBatch: 8, largeSquaredNorm: 1 };
  expect(() => nextNoiseScaleState(initialNoiseScaleState, norms)).toThrow("needs two batch sizes, got 8 and 8");
});
