/** How many samples each step takes: a constant, or Megatron's ramp from a small batch to the full one. */
import { DataError } from "../errors.ts";

export interface BatchRamp {
  /** Samples in the first steps' batches. */
  start: number;
  /** Samples added at a time. */
  increment: number;
  /** Samples over which the ramp goes, in equal parts for each size below the full one. */
  samples: number;
}

/** The samples of a step. */
export interface BatchSlot {
  firstSample: number;
  size: number;
}

export interface BatchSchedule {
  /** The largest batch. */
  readonly batchSize: number;
  /** The samples of step `step`, counted from 0. */
  at(step: number): BatchSlot;
}

/**
 * @param options.batchSize samples of a global batch.
 * @param options.ramp before that: `start` samples a batch, `increment` more after each equal part of `ramp.samples`.
 * @throws DataError for sizes that are not positive integers, or a ramp that does not reach the batch size.
 */
export function createBatchSchedule(options: { batchSize: number; ramp?: BatchRamp }): BatchSchedule {
  const { batchSize, ramp } = options;
  const phases = ramp ? rampPhases(batchSize, ramp) : [];
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new DataError(`the batch size is a positive integer, found ${batchSize}`);
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
      `a ramp goes from its start to the batch size in whole increments, found start ${start}, increment ${increment}, ` +
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
