/** Tells one listener of this thread that kernels run: it shows others that the thread works, and does not hang. */

let listener = (): void => {};

/** Calls `f` after every kernel of this package and every replayed run, in place of the listener before. */
export function watchKernels(f: () => void): void {
  listener = f;
}

/** A kernel has run. */
export function kernelHasRun(): void {
  listener();
}
