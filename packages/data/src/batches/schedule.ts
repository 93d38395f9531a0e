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
  /** The samples of step `step`, counted from 0; no earlier than the step that the schedule starts at. */
  at(step: number): BatchSlot;
}

/**
 * A constant batch size, or a ramp-up to it.
 * @param options.start the step and the number of consumed samples that a run resumes at: its next batch takes the
 *   samples that follow, even if earlier steps had another batch size. Default: step 0, no samples
 * @param options.batchSize samples in a global batch
 * @param options.ramp starts with `start` samples in a batch and adds `increment` after each equal part of `ramp.samples`
 * @throws DataError for sizes that are not positive integers, or a ramp that does not reach the batch size
 */
export function createBatchSchedule(options: {
  batchSize: number;
  ramp?: BatchRamp;
  start?: { step: number; samples: number };
}): BatchSchedule {
  const { batchSize, ramp, start = { step: 0, samples: 0 } } = options;
  const phases = ramp ? rampPhases(batchSize, ramp, start) : [];
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new DataError(`the batch size must be a positive integer, got ${batchSize}`);
  const last = phases.at(-1);
  const full = {
    firstStep: last ? last.firstStep + last.steps : start.step,
    firstSample: last ? last.firstSample + last.steps * last.size : start.samples,
    size: batchSize,
  };
  return {
    batchSize,
    at(step) {
      if (!(Number.isInteger(step) && step >= start.step)) throw new RangeError(`step ${step}`);
      const phase = phases.find(({ firstStep, steps }) => step < firstStep + steps) ?? full;
      return { firstSample: phase.firstSample + (step - phase.firstStep) * phase.size, size: phase.size };
    },
  };
}

function rampPhases(
  batchSize: number,
  { start, increment, samples }: BatchRamp,
  from: { step: number; samples: number },
) {
  const increments = (batchSize - start) / increment;
  const whole = [start, increment, samples].every((value) => Number.isInteger(value) && value > 0);
  if (!whole || !Number.isInteger(increments) || increments < 1)
    throw new DataError(
      `a batch ramp must reach the batch size in whole increments, got start ${start}, increment ${increment}, ` +
        `samples ${samples} and batch size ${batchSize}`,
    );
  const phases: { firstStep: number; firstSample: number; steps: number; size: number }[] = [];
  let firstStep = from.step;
  let firstSample = from.samples;
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
