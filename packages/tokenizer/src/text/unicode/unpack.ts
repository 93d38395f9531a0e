/**
 * Unpacks the compact Unicode tables of this folder.
 */

/** Code points, the number of all of them. */
export const CODE_POINTS = 0x110000;

/** The ranges of a packed set, as [start, end) pairs in one list. */
export function unpackRanges(packed: string): number[] {
  const ranges: number[] = [];
  let position = 0;
  packed.split(" ").forEach((word, index) => {
    position += Number.parseInt(word, 36);
    ranges[index] = position;
  });
  return ranges;
}

const classNumber = (name: string): number => {
  const code = name.charCodeAt(0);
  return code < 0xc0 ? code - 0x41 : code - 0xc0 + 26;
};

/** Calls `visit` with each run of code points [start, end) of one class, in order. */
export function visitRuns(packed: string, visit: (kind: number, start: number, end: number) => void): void {
  let position = 0;
  for (const [, name, length] of packed.matchAll(/([^0-9a-z])([0-9a-z]*)/g)) {
    const end = position + (length ? Number.parseInt(length, 36) : 1);
    visit(classNumber(name!), position, end);
    position = end;
  }
}

/** The class of every code point. */
export function unpackClasses(packed: string): Uint8Array {
  const classes = new Uint8Array(CODE_POINTS);
  visitRuns(packed, (kind, start, end) => classes.fill(kind, start, end));
  return classes;
}
