/** The batch size of each step: constant, or Megatron's ramp-up from a small batch to the full one. */
import { DataError } from "../errors.ts";

/** Megatron's --rampup-batch-size. */
export interface BatchRamp {
  /** Batch size of the first steps. */
  start: number;
  /** Samples by which the batch grows. */
  increment: number;
  /** Number of samples in the ramp, shared equally by all sizes below the full one. */
  samples: number;
}

/** The samples of a step. */
export interface BatchSlot {
  firstSample: number;
  size: number;
}

/** Which samples each step takes. */
export interface BatchSchedule {
  /** Size of the full batch. */
  readonly batchSize: number;
  /** The samples of step `step`, counted from 0. */
  at(step: number): BatchSlot;
}

/**
 * A constant batch size, or a ramp-up to it.
 * @param options.batchSize samples in a global batch
 * @param options.ramp starts with `start` samples in a batch and adds `increment` after each equal part of `ramp.samples`
 * @throws DataError for sizes that are not positive integers, or a ramp that does not reach the batch size
 */
export function createBatchSchedule(options: { batchSize: number; ramp?: BatchRamp }): BatchSchedule {
  const { batchSize, ramp } = options;
  const phases = ramp ? rampPhases(batchSize, ramp) : [];
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new DataError(`the batch size must be a positive integer, got ${batchSize}`);
  const last = phases.at(-1);
  const full = {
    firstStep: last ? last.firstStep + last.steps : 0,
    firstSample: last ? last.firstSample + last.steps * last.size : 0,
    size: batchSize,
  };
  return {
    batchSize,
    at(step) {
      if (!(Number.isInteger(step) && step >= 0)) throw new RangeError(`step ${step}`);
      const phase = phases.find(({ firstStep, steps }) => step < firstStep + steps) ?? full;
      return { firstSample: phase.firstSample + (step - phase.firstStep) * phase.size, size: phase.size };
    },
  };
}

function rampPhases(batchSize: number, { start, increment, samples }: BatchRamp) {
  const increments = (batchSize - start) / increment;
  const whole = [start, increment, samples].every((value) => Number.isInteger(value) && value > 0);
  if (!whole || !Number.isInteger(increments) || increments < 1)
    throw new DataError(
      `a batch ramp must reach the batch size in whole increments, got start ${start}, increment ${increment}, ` +
        `samples ${samples} and batch size ${batchSize}`,
    );
  const phases: { firstStep: number; firstSample: number; steps: number; size: number }[] = [];
  let firstStep = 0;
  let firstSample = 0;
  for (let i = 0; i < increments; i++) {
    const size = start + i * increment;
    const end = ((i + 1) * samples) / increments;
    const steps = Math.max(0, Math.ceil((end - firstSample) / size));
    phases.push({ firstStep, firstSample, steps, size });
    firstStep += steps;
    firstSample += steps * size;
  }
  return phases;
}
