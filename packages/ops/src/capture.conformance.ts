/** Conformance of `captured` and `overwrite`: many runs give what each would give alone, recorded or not. */
import * as tf from "@tensorflow/tfjs";
import { type Captured, captured } from "./capture.ts";
import type { ConformanceSuite } from "./conformance/case.ts";
import { expectClose, expectError, expectNoLeak, plain, random, toTensor } from "./conformance/plain.ts";
import { constant } from "./constant.ts";
import { embedding } from "./embedding.ts";
import { overwrite } from "./mutate.ts";

const table = random("table", [5, 3]);
const idsOfRun = [
  [0, 4],
  [2, 2],
  [1, 3],
  [4, 0],
];

/** Runs a function of ids and of scales once for each row of ids, and compares it with `expected`. */
function checkRuns(step: Captured, expected: (id: number, column: number, run: number) => number): void {
  idsOfRun.forEach((ids, run) => {
    const [result] = step.run(Int32Array.from(ids), Float32Array.of(run + 1));
    const values = ids.flatMap((id) => [0, 1, 2].map((column) => expected(id, column, run)));
    expectClose(result!, { expected: plain([2, 3], values), tolerance: 1e-6, what: `run ${run}` });
    result!.dispose();
  });
}

const inputs = [{ shape: [2] }, { shape: [], dtype: "float32" as const }];
const entry = (id: number, column: number) => table.values[3 * id + column]!;

export const captureSuite: ConformanceSuite = {
  name: "captured",
  cases: [
    {
      name: "each run has its own inputs",
      check: () =>
        tf.tidy(() => {
          const weight = toTensor(table);
          const step = captured((ids, scale) => [tf.mul(embedding(ids!, { table: weight }), scale!)], { inputs });
          checkRuns(step, (id, column, run) => (run + 1) * entry(id, column));
          step.dispose();
        }),
    },
    {
      name: "what JavaScript reads or counts is never repeated",
      check: () =>
        tf.tidy(() => {
          const weight = toTensor(table);
          let count = 0;
          const steps = [
            (ids: tf.Tensor) => [tf.mul(embedding(ids, { table: weight }), tf.tensor1d([++count, count, count]))],
            (ids: tf.Tensor, scale: tf.Tensor) => [tf.mul(embedding(ids, { table: weight }), scale.dataSync()[0]!)],
          ];
          for (const f of steps) {
            const step = captured((ids, scale) => f(ids!, scale!), { inputs });
            checkRuns(step, (id, column, run) => (run + 1) * entry(id, column));
            step.dispose();
          }
        }),
    },
    {
      name: "constants are",
      check: () =>
        tf.tidy(() => {
          const weight = toTensor(table);
          const step = captured(
            (ids, scale) => {
              const ones = constant(() => tf.tensor1d([1, 1, 1]));
              return [tf.mul(tf.add(embedding(ids!, { table: weight }), ones), scale!)];
            },
            { inputs },
          );
          checkRuns(step, (id, column, run) => (run + 1) * (entry(id, column) + 1));
          step.dispose();
        }),
    },
    {
      name: "leaves nothing behind",
      check: () =>
        tf.tidy(() => {
          const weight = toTensor(table);
          expectNoLeak(
            () => {
              const step = captured((ids) => [embedding(ids!, { table: weight })], { inputs: [{ shape: [2] }] });
              for (const ids of idsOfRun) tf.dispose(step.run(Int32Array.from(ids)));
              step.dispose();
            },
            { what: "captured" },
          );
        }),
    },
    {
      name: "overwrite changes a tensor in place, and only alone",
      check: () =>
        tf.tidy(() => {
          const x = tf.tensor1d([1, 2, 3]);
          overwrite(x, Float32Array.of(4, 5, 6));
          expectClose(x, { expected: plain([3], [4, 5, 6]), tolerance: 0, what: "overwritten" });
          expectError(() => overwrite(x, Float32Array.of(1)), /1 numbers/);
          const clone = x.clone();
          expectError(() => overwrite(x, Float32Array.of(7, 8, 9)), /share its memory/);
          expectClose(clone, { expected: plain([3], [4, 5, 6]), tolerance: 0, what: "a clone" });
        }),
    },
  ],
};
