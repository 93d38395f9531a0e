/** Checks of the options of layouts. */
import { LayoutError } from "../errors.ts";
import { BLOCK } from "./layout.ts";

/** Throws a LayoutError unless the value is an integer of at least `minimum`. */
export function requireSize(name: string, value: number, minimum = 1): void {
  if (Number.isInteger(value) && value >= minimum) return;
  throw new LayoutError(`${name}: expected an integer of at least ${minimum}, got ${value}`);
}

/** Throws a LayoutError unless blocks of a pattern are made of the kernel's, or these of them. */
export function requireBlockSize(blockSize: number): void {
  requireSize("blockSize", blockSize);
  if (BLOCK % blockSize === 0 || blockSize % BLOCK === 0) return;
  throw new LayoutError(`blockSize: expected a divisor or a multiple of ${BLOCK}, got ${blockSize}`);
}
