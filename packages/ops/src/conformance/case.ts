/** The shape of a conformance suite. A runner starts a backend and calls each case, which throws if the backend is wrong. */
import type { Precision } from "../storage.ts";

/** Options of one run of a case. */
export interface ConformanceOptions {
  /** The precision of matrix products and saved activations. It decides how close results must be. */
  precision: Precision;
}

/** One thing that a backend must get right. */
export interface ConformanceCase {
  name: string;
  /** Throws an Error that says what differs. */
  check: (options: ConformanceOptions) => void;
}

/** The cases of one op, or of one group of TensorFlow.js kernels. */
export interface ConformanceSuite {
  /** The op, or what the cases have in common. */
  name: string;
  cases: ConformanceCase[];
}
