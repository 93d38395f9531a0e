/** Decodes 16-bit floats. Every one is exact in float32. */

const scratch = new DataView(new ArrayBuffer(4));

/** Decodes a bfloat16: the upper half of a float32. */
export function bfloat16ToFloat(word: number): number {
  scratch.setUint32(0, word << 16);
  return scratch.getFloat32(0);
}

/** Decodes an IEEE 754 binary16. */
export function halfToFloat(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
