/** Reads a range of an open file, or says where the file ends. */
import { readSync } from "node:fs";
import { DataError } from "../errors.ts";

/** Fills `target` from byte `position` of an open file. Throws a DataError where the file is too short. */
export function readExactly(descriptor: number, target: Uint8Array, position: number, path: string): void {
  let filled = 0;
  while (filled < target.length) {
    const length = Math.min(target.length - filled, 1 << 30);
    const read = readSync(descriptor, target, filled, length, position + filled);
    if (read === 0) throw new DataError(`is truncated: it ends at byte ${position + filled}`, { source: path });
    filled += read;
  }
}
