/**
 * The factor of reduce-on-plateau, which shrinks if the validation loss does not improve for more than `patience`
 * evaluations, as in PyTorch's ReduceLROnPlateau. Its state is a plain object for the checkpoint.
 */
import type { PlateauConfig } from "./configuration.ts";

/** The state; JSON, so the best loss is null (not infinite) before the first evaluation. */
export type PlateauState = {
  /** Multiplies the peak learning rate, before `minimum` bounds it. */
  factor: number;
  best: number | null;
  /** Evaluations without improvement since the best one, or since the last reduction. */
  waited: number;
  /** Evaluations left that do not count as waiting. */
  cooldown: number;
};

export const initialPlateauState: Readonly<PlateauState> = { factor: 1, best: null, waited: 0, cooldown: 0 };

/** The state after one more evaluation. A NaN loss counts as no improvement. */
export function nextPlateauState(state: PlateauState, loss: number, config: PlateauConfig): PlateauState {
  const better = state.best === null ? !Number.isNaN(loss) : loss < state.best * (1 - config.threshold);
  const best = better ? loss : state.best;
  const cooling = state.cooldown > 0;
  const waited = better || cooling ? 0 : state.waited + 1;
  const cooldown = cooling ? state.cooldown - 1 : 0;
  if (waited <= config.patience) return { factor: state.factor, best, waited, cooldown };
  return { factor: state.factor * config.factor, best, waited: 0, cooldown: config.cooldown };
}
