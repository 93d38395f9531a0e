/**
 * A growable list of token ids. Encoders append to one, so that encoding a corpus allocates nothing per text.
 */
import { grow } from "./grow.ts";

/** A growable list of ids: only the first `length` elements of `ids` are valid. */
export interface TokenBuffer {
  ids: Int32Array;
  length: number;
}

/** Creates an empty buffer with room for `capacity` ids. It grows as needed. */
export function createTokenBuffer(capacity = 1 << 12): TokenBuffer {
  return { ids: new Int32Array(capacity), length: 0 };
}

/** Makes room for `count` more ids. */
export function reserve(buffer: TokenBuffer, count: number): void {
  const needed = buffer.length + count;
  if (needed > buffer.ids.length) buffer.ids = grow(buffer.ids, Math.max(needed, 2 * buffer.ids.length));
}

/** Appends ids to the buffer. */
export function append(buffer: TokenBuffer, ids: readonly number[]): void {
  reserve(buffer, ids.length);
  for (const id of ids) buffer.ids[buffer.length++] = id;
}
