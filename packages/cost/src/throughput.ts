/** From a measured step to rates, and from rates to times. The caller holds the clock. */

/** Model FLOP/s of a measured step: what the model needs (`Flops.model`) over the seconds it took. */
export function modelFlopsPerSecond(step: { flopsPerToken: number; tokens: number; seconds: number }): number {
  return (step.flopsPerToken * step.tokens) / step.seconds;
}

/** A rate's share of the machine's peak, 0 to 1. Both rates in FLOP/s, the peak per device. */
export function utilization(rate: { flopsPerSecond: number; peakPerDevice: number; devices?: number }): number {
  return rate.flopsPerSecond / (rate.peakPerDevice * (rate.devices ?? 1));
}

/**
 * Estimates the seconds that the remaining work takes at the measured pace; `undefined` while nothing is measured.
 * `measured` may be all work since the start or a recent window. Count tokens or samples where batches grow, else
 * steps.
 */
export function secondsLeft(work: {
  remaining: number;
  measured: number;
  measuredSeconds: number;
}): number | undefined {
  if (work.remaining <= 0) return 0;
  return work.measured > 0 ? (work.remaining * work.measuredSeconds) / work.measured : undefined;
}

/** Estimates the seconds to train on `tokens` tokens. Use `Flops.hardware` with rates that count recomputation. */
export function trainingSeconds(plan: {
  flopsPerToken: number;
  tokens: number;
  flopsPerSecondPerDevice: number;
  devices?: number;
}): number {
  return (plan.flopsPerToken * plan.tokens) / (plan.flopsPerSecondPerDevice * (plan.devices ?? 1));
}
