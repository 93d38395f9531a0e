/** What every objective's sample builder gives: samples by number. */

/** Samples 0 to `length - 1`; `length` is Infinity where they never run out. `at` depends on the number alone. */
export interface SampleSource<Sample> {
  readonly length: number;
  at(index: number): Sample;
}

/** A run of tokens cut from documents that follow each other. */
export interface PackedSample {
  /** [T + 1]: T inputs, and the last one's target. */
  tokens: Int32Array;
  /** Places (1 to T) in `tokens` where another document begins, rising. */
  documentStarts: Int32Array;
}
