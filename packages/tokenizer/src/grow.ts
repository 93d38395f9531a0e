/**
 * Resizes typed arrays.
 */
type GrowableArray = Int32Array | Float64Array | Uint8Array;

/** A longer copy of `array`; new elements are `fill`. */
export function grow<T extends GrowableArray>(array: T, length: number, fill = 0): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  if (fill !== 0) larger.fill(fill, array.length);
  larger.set(array);
  return larger;
}
