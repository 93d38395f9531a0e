/**
 * The learning rate of every step. All schedules are pure functions of the step, except that reduce-on-plateau also has
 * state, a plain object for the checkpoint. Knows no optimizer and no tensors.
 */

import type { ScheduleConfig } from "./configuration.ts";
import { initialPlateauState, nextPlateauState, type PlateauState } from "./plateau.ts";

/** An immutable schedule. */
export interface Schedule {
  /** Learning rate of the update number `step`, counted from 0. */
  at(step: number): number;
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
  const { learningRate: peak } = options;
  const warmUp = (step: number) => (peak * (step + 1)) / (config.warmupSteps + 1);

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
    at: (step) => (step < config.warmupSteps ? warmUp(step) : afterWarmUp(config, step, options)),
    next: () => schedule,
    state: null,
  };
  return schedule;
}

type PureConfig = Exclude<ScheduleConfig, { name: "reduce-on-plateau" }>;

function afterWarmUp(config: PureConfig, step: number, { learningRate: peak, steps }: ScheduleOptions): number {
  switch (config.name) {
    case "constant":
      return peak;
    case "inverse-square-root":
      return Math.max(peak * Math.sqrt((config.warmupSteps + 1) / (step + 1)), config.minimum);
    case "linear":
    case "cosine": {
      const start = config.warmupSteps;
      return decayed(config.name, { peak, minimum: config.minimum, step, start, end: config.endStep ?? steps });
    }
    case "wsd": {
      const end = config.endStep ?? steps;
      const start = Math.max(config.warmupSteps, end - config.decaySteps);
      return decayed(config.decay, { peak, minimum: config.minimum, step, start, end });
    }
  }
}

/** Decays from the peak at `start` to `minimum` at `end`, and stays there. */
function decayed(
  shape: "linear" | "cosine" | "minus-square-root",
  span: { peak: number; minimum: number; step: number; start: number; end: number },
): number {
  const { peak, minimum, step, start, end } = span;
  if (step <= start) return peak;
  if (step >= end) return minimum;
  const progress = (step - start) / (end - start);
  return minimum + (peak - minimum) * remaining[shape](progress);
}

/** Share of the decay that is left after `progress` in [0, 1]. */
const remaining = {
  linear: (progress: number) => 1 - progress,
  cosine: (progress: number) => (1 + Math.cos(Math.PI * progress)) / 2,
  // Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", section 3.
  "minus-square-root": (progress: number) => 1 - Math.sqrt(progress),
};
