// From a measured step to rates, and from rates to times. Pure: whoever calls holds the clock.

/** Model FLOP/s of a measured step: what the model needs (`FlopsPerToken.model`), over the seconds it took. */
export const modelFlopsPerSecond = (step: { flopsPerToken: number; tokens: number; seconds: number }): number =>
  (step.flopsPerToken * step.tokens) / step.seconds;

/** Share of the machine's peak that a rate is, 0 to 1. Both rates in FLOP/s, the peak per device. */
export const utilization = (rate: { flopsPerSecond: number; peakPerDevice: number; devices?: number }): number =>
  rate.flopsPerSecond / (rate.peakPerDevice * (rate.devices ?? 1));

/**
 * Seconds that the remaining work takes at the measured pace, `undefined` while nothing has been measured. `measured`
 * may be all work since the start or a recent window; count tokens or samples where batches grow, else steps.
 */
export const secondsLeft = (work: {
  remaining: number;
  measured: number;
  measuredSeconds: number;
}): number | undefined => {
  if (work.remaining <= 0) return 0;
  return work.measured > 0 ? (work.remaining * work.measuredSeconds) / work.measured : undefined;
};

/** Seconds to train on `tokens` tokens; use `FlopsPerToken.hardware` with rates that count recomputation. */
export const trainingSeconds = (plan: {
  flopsPerToken: number;
  tokens: number;
  flopsPerSecondPerDevice: number;
  devices?: number;
}): number => (plan.flopsPerToken * plan.tokens) / (plan.flopsPerSecondPerDevice * (plan.devices ?? 1));
