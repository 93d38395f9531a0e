import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { start } from "./start.ts";

beforeAll(async () => {
  await start({ backend: "wasm" });
});

/** The same on the plain JavaScript backend. */
async function onCpu(f: () => tf.Tensor): Promise<number[]> {
  const previous = tf.getBackend();
  await tf.setBackend("cpu");
  const result = tf.tidy(f);
  const values = Array.from(result.dataSync());
  result.dispose();
  await tf.setBackend(previous);
  return values;
}

const counted = (shape: number[], dtype: tf.NumericDataType = "float32") =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
    dtype,
  );

it.each([
  [[5], [1]],
  [[5], [7]],
  [
    [4, 1],
    [1, 9],
  ],
  [
    [2, 1, 3, 2],
    [1, 6, 1, 1],
  ],
  [
    [2, 3, 4],
    [3, 1, 2],
  ],
  [
    [3, 2],
    [0, 2],
  ],
])("tiles %j by %j", async (shape, reps) => {
  const f = () => tf.tile(counted(shape, "int32"), reps);
  const result = f();
  expect(result.dtype).toBe("int32");
  expect(Array.from(result.dataSync())).toEqual(await onCpu(f));
});

it("tiles truth values", () => {
  const visible = tf.greater(tf.tensor([1, -1, 2]), 0);
  expect(Array.from(tf.tile(visible, [2]).dataSync())).toEqual([1, 0, 1, 1, 0, 1]);
});

it.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])("multiplies batches, transposed %j and %j, and keeps nothing", async (transposeA, transposeB) => {
  const f = () => {
    const a = counted(transposeA ? [2, 3, 4, 5] : [2, 3, 5, 4]);
    const b = counted(transposeB ? [1, 3, 6, 4] : [1, 3, 4, 6]);
    return tf.matMul(a, b, transposeA, transposeB);
  };
  const before = tf.memory().numDataBuffers;
  const result = tf.tidy(f);
  expect(result.shape).toEqual([2, 3, 5, 6]);
  expect(Array.from(result.dataSync())).toEqual(await onCpu(f));
  result.dispose();
  expect(tf.memory().numDataBuffers).toBe(before);
});
