/** Keeps long work interruptible and bounded: lets the event loop run now and then, and limits how much input expands. */
import { DataError } from "../errors.ts";

const MILLISECONDS = 50;

/** Gives the event loop a turn, if it has not had one for a while: so that a signal ends long work. */
export function createPacer(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < MILLISECONDS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        last = performance.now();
        resolve();
      }),
    );
  };
}

/** An input may expand to this many bytes in any case, */
const ALWAYS = 2 ** 30;
/** and to this many times its size. */
const RATIO = 10_000;

/** Checks that an input does not expand beyond all measure. Throws a DataError naming `source` if it does. */
export function checkExpansion(source: string, { input, output }: { input: number; output: number }): void {
  if (output > ALWAYS && output > RATIO * input)
    throw new DataError(`expands to more than ${RATIO.toLocaleString("en")} times its size`, { source });
}
