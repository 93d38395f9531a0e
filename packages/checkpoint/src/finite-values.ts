/** Rejects weights that no sound model has. */
import { userError } from "./errors.ts";

/**
 * Checks that no value is NaN or infinite.
 * @throws CheckpointError that names the tensor and counts them
 */
export function requireFinite(values: Float32Array, name: string): void {
  let wrong = 0;
  let first = 0;
  for (let index = values.length - 1; index >= 0; index--) {
    if (Number.isFinite(values[index]!)) continue;
    wrong++;
    first = index;
  }
  if (wrong === 0) return;
  throw userError(`${name}: ${wrong} of ${values.length} values are NaN or infinite (the first is ${values[first]})`);
}
