/**
 * The learning rate of every step. All schedules are pure functions of the step and, under a time limit, of the share of
 * time that is over; reduce-on-plateau also has state, a plain object for the checkpoint. Knows no clock and no tensors.
 */

import type { ScheduleConfig } from "./configuration.ts";
import { initialPlateauState, nextPlateauState, type PlateauState } from "./plateau.ts";

/** An immutable schedule. */
export interface Schedule {
  /**
   * Learning rate of the update number `step`, counted from 0. `timeShare`, in [0, 1], is how much of the time after the
   * warm-up is over in a run with a time limit: a decay follows it where it is ahead of the steps. Default: 0.
   */
  at(step: number, timeShare?: number): number;
  /** The schedule after an evaluation with this loss; the same object unless it reduces on a plateau. */
  next(loss: number): Schedule;
  /** State for the checkpoint; null for schedules that depend only on the step. */
  readonly state: PlateauState | null;
}

/** Options of `createSchedule`. */
export interface ScheduleOptions {
  /** The peak, reached at step `warmupSteps`. */
  learningRate: number;
  /** Updates in the whole run, where decays without `endStep` end. */
  steps: number;
  /** The `state` from a checkpoint; ignored by schedules without state. */
  state?: PlateauState | null;
}

/**
 * Creates a schedule. Warm-up is linear, `(step + 1) / (warmupSteps + 1)` of the peak: the first update already has a rate
 * above zero, and step `warmupSteps` has the peak.
 */
export function createSchedule(config: ScheduleConfig, options: ScheduleOptions): Schedule {
  const { learningRate: peak, steps } = options;
  const { warmupSteps } = config;
  const warmUp = (step: number) => (peak * (step + 1)) / (warmupSteps + 1);

  if (config.name === "reduce-on-plateau") {
    const state = options.state ?? initialPlateauState;
    const rate = Math.max(peak * state.factor, config.minimum);
    return {
      at: (step) => Math.min(warmUp(step), rate),
      next: (loss) => createSchedule(config, { ...options, state: nextPlateauState(state, loss, config) }),
      state,
    };
  }
  const schedule: Schedule = {
    at(step, timeShare = 0) {
      if (step < warmupSteps) return warmUp(step);
      const byClock = warmupSteps + timeShare * (steps - warmupSteps);
      return afterWarmUp(config, { step, position: Math.max(step, byClock) }, options);
    },
    next: () => schedule,
    state: null,
  };
  return schedule;
}

type PureConfig = Exclude<ScheduleConfig, { name: "reduce-on-plateau" }>;

/** `position` is the step that the run would be at if it were to end at its last step rather than by the clock. */
function afterWarmUp(
  config: PureConfig,
  { step, position }: { step: number; position: number },
  { learningRate: peak, steps }: ScheduleOptions,
): number {
  switch (config.name) {
    case "constant":
      return peak;
    case "inverse-square-root":
      return Math.max(peak * Math.sqrt((config.warmupSteps + 1) / (step + 1)), config.minimum);
    case "linear":
    case "cosine": {
      const start = config.warmupSteps;
      return decayed(config.name, { peak, minimum: config.minimum, position, start, end: config.endStep ?? steps });
    }
    case "wsd": {
      const end = config.endStep ?? steps;
      const start = Math.max(config.warmupSteps, end - config.decaySteps);
      return decayed(config.decay, { peak, minimum: config.minimum, position, start, end });
    }
  }
}

/** Decays from the peak at `start` to `minimum` at `end`, and stays there. */
function decayed(
  shape: "linear" | "cosine" | "minus-square-root",
  span: { peak: number; minimum: number; position: number; start: number; end: number },
): number {
  const { peak, minimum, position, start, end } = span;
  if (position <= start) return peak;
  if (position >= end) return minimum;
  const progress = (position - start) / (end - start);
  return minimum + (peak - minimum) * remaining[shape](progress);
}

/** Share of the decay that is left after `progress` in [0, 1]. */
const remaining = {
  linear: (progress: number) => 1 - progress,
  cosine: (progress: number) => (1 + Math.cos(Math.PI * progress)) / 2,
  // Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", section 3.
  "minus-square-root": (progress: number) => 1 - Math.sqrt(progress),
};
