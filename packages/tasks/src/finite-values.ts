/** Values of a model from which predictions are made. */
import { OutputError } from "./errors.ts";

/**
 * The values. Throws an OutputError if one is NaN or infinite: comparisons with it are false, so some label would win without a
 * word.
 */
export function finiteValues<Values extends ArrayLike<number>>(values: Values): Values {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) throw new OutputError(values[i]!);
  return values;
}
