/** Conformance of `movingAverage`. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import {
  expectAliasUnchanged,
  expectClose,
  expectError,
  expectNoLeak,
  plain,
  random,
  toTensor,
} from "./conformance/plain.ts";
import { movingAverage } from "./moving-average.ts";

const shapes = [[1], [7], [33, 7], [], [0, 3], [257, 131]];

export const movingAverageSuite: ConformanceSuite = {
  name: "movingAverage",
  cases: [
    ...[0.9, 0, 1].map((decay) => ({
      name: `tensors of odd sizes, decay ${decay}`,
      check: () =>
        tf.tidy(() => {
          const [before, values] = ["average", "value"].map((name) => shapes.map((shape) => random(name, shape)));
          const averages = before!.map((array) => toTensor(array));
          const tensors = values!.map((array) => toTensor(array));
          expectNoLeak(() => movingAverage({ averages, values: tensors }, { decay }), { what: "movingAverage" });
          averages.forEach((average, i) => {
            const mixed = before![i]!.values.map((a, j) => a * decay + values![i]!.values[j]! * (1 - decay));
            expectClose(average, { expected: plain(shapes[i]!, mixed), tolerance: 1e-6, what: `average ${i}` });
            expectClose(tensors[i]!, { expected: values![i]!, tolerance: 0, what: `value ${i}` });
          });
        }),
    })),
    {
      name: "never changes a tensor that shares the memory",
      check: () =>
        tf.tidy(() => {
          const averages = [tf.ones([3])];
          expectAliasUnchanged(averages[0]!, () =>
            movingAverage({ averages, values: [tf.zeros([3])] }, { decay: 0.5 }),
          );
        }),
    },
    {
      name: "a value of another shape is an error",
      check: () =>
        tf.tidy(() => {
          const wrong = { averages: [tf.ones([3])], values: [tf.ones([4])] };
          expectError(() => movingAverage(wrong, { decay: 0.5 }), /average 0 is \[3\]/);
        }),
    },
  ],
};
