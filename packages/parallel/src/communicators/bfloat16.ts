/** Float32 to bfloat16 and back, for the wire: rounds to nearest even, and keeps NaN. */

/** The upper halves of float32 values, rounded. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = bits[i]!;
    const invalid = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = invalid ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** Writes bfloat16 values as float32, into `out` from `start` on. */
export function fromBfloat16(halves: Uint16Array, out: Float32Array, start = 0): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[start + i] = halves[i]! << 16;
}
