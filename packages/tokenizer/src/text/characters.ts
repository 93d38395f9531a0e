/**
 * Reads characters of UTF-8: their start, end, length and code point.
 */
/** The end of the character that starts at `start`. */
export function characterEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = start + 1;
  while (position < end && (bytes[position]! & 0xc0) === 0x80) position++;
  return position;
}

/** The start of the character that ends at `end`. */
export function characterStart(bytes: Uint8Array, end: number, start: number): number {
  let position = end - 1;
  while (position > start && (bytes[position]! & 0xc0) === 0x80) position--;
  return position;
}

/** The number of code points in bytes[start..end). */
export function countCharacters(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let position = start; position < end; position++) if ((bytes[position]! & 0xc0) !== 0x80) count++;
  return count;
}

/** The code point of the character that starts at `position`. The UTF-8 must be valid. */
export function codePointAt(bytes: Uint8Array, position: number): number {
  const first = bytes[position]!;
  if (first < 0x80) return first;
  const second = bytes[position + 1]! & 0x3f;
  if (first < 0xe0) return ((first & 0x1f) << 6) | second;
  const third = bytes[position + 2]! & 0x3f;
  if (first < 0xf0) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (bytes[position + 3]! & 0x3f);
}

/** The length in bytes of the character whose first byte this is. */
export function lengthOfCharacter(first: number): number {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
