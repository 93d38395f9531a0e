/** Conformance of `sumOfSquares`. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { expectClose, expectNoLeak, type Plain, plain, random, toTensor, withValues } from "./conformance/plain.ts";
import { sumOfSquares } from "./global-norm.ts";

const holds = (name: string, arrays: Plain[]): ConformanceCase => ({
  name,
  check: () => {
    const total = arrays.reduce((sum, { values }) => values.reduce((part, value) => part + value * value, sum), 0);
    const run = () => tf.tidy(() => sumOfSquares(arrays.map((array) => toTensor(array))));
    const expected = plain([], [total]);
    expectNoLeak(() => tf.tidy(() => expectClose(run(), { expected, tolerance: 1e-5, what: "the sum" })), {
      what: "it",
    });
  },
});

export const sumOfSquaresSuite: ConformanceSuite = {
  name: "sumOfSquares",
  cases: [
    holds("one element", [random("t", [1])]),
    holds(
      "tensors of odd sizes",
      [[7], [33, 7], [], [257], [3, 5, 7], [0, 4]].map((shape) => random("t", shape)),
    ),
    holds("no tensors", []),
    holds("a million elements", [random("t", [1021, 1031])]),
    holds("tiny elements", [random("t", [257], { scale: 1e-12 })]),
    holds("NaN", [random("t", [7]), withValues(random("u", [33]), { 32: Number.NaN })]),
    holds("infinity", [random("t", [7]), withValues(random("u", [33]), { 0: Number.NEGATIVE_INFINITY })]),
  ],
};
