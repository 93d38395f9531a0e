/**
 * The factor of reduce-on-plateau: it shrinks when the held-out loss has not improved for longer than `patience`
 * evaluations. Carries state, a plain object for the checkpoint; knows no step and no rate. After PyTorch's ReduceLROnPlateau.
 */
import type { PlateauConfig } from "./configuration.ts";

/** What must survive a restart: JSON, so the best loss is null (not infinite) before the first evaluation. */
export type PlateauState = {
  /** What the peak learning rate is multiplied by, before `minimum` bounds it. */
  factor: number;
  best: number | null;
  /** Evaluations without improvement since the best one, or since the last reduction. */
  waited: number;
  /** Evaluations left during which nothing counts as waiting. */
  cooldown: number;
};

export const initialPlateauState: Readonly<PlateauState> = { factor: 1, best: null, waited: 0, cooldown: 0 };

/** The state after one more evaluation. A loss that is not a number counts as no improvement. */
export function nextPlateauState(state: PlateauState, loss: number, config: PlateauConfig): PlateauState {
  const better = state.best === null ? !Number.isNaN(loss) : loss < state.best * (1 - config.threshold);
  const best = better ? loss : state.best;
  const cooling = state.cooldown > 0;
  const waited = better || cooling ? 0 : state.waited + 1;
  const cooldown = cooling ? state.cooldown - 1 : 0;
  if (waited <= config.patience) return { factor: state.factor, best, waited, cooldown };
  return { factor: state.factor * config.factor, best, waited: 0, cooldown: config.cooldown };
}
