/** What a conformance suite is. Runners give a started backend and a precision; cases throw where it does not conform. */
import type { Precision } from "../storage.ts";

export interface ConformanceOptions {
  /** What matrix products and saved activations are computed in: it decides how close results must be. */
  precision: Precision;
}

export interface ConformanceCase {
  name: string;
  /** Throws an Error that says what differs. */
  check: (options: ConformanceOptions) => void;
}

export interface ConformanceSuite {
  /** The op, or what the cases have in common. */
  name: string;
  cases: ConformanceCase[];
}
