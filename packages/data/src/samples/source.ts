/** Samples by number, which every objective draws its batches from. */

/** Samples 0 to `length - 1`; `length` is Infinity for an endless source. `at` is a pure function of the number. */
export interface SampleSource<Sample> {
  readonly length: number;
  at(index: number): Sample;
}

/** Tokens from consecutive documents. */
export interface PackedSample {
  /** [T + 1]: T inputs and the target of the last one. */
  tokens: Int32Array;
  /** Positions in `tokens` (1 to T) at which another document begins, ascending. */
  documentStarts: Int32Array;
}
