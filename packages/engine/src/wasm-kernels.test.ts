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
  // Small ones go to the backend as they are, large ones matrix by matrix.
  for (const inner of [4, 1024]) await checkProducts(inner, { transposeA, transposeB });
});

it("multiplies batches that are broadcast", async () => {
  for (const [batchA, batchB] of [
    [
      [2, 3],
      [1, 3],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[1], [4]],
    [[5], [1]],
  ]) {
    await checkProducts(1024, { batchA, batchB });
  }
});

async function checkProducts(
  inner: number,
  {
    transposeA = false,
    transposeB = false,
    batchA = [2, 3],
    batchB = [2, 3],
  }: { transposeA?: boolean; transposeB?: boolean; batchA?: number[]; batchB?: number[] },
) {
  const random = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, "float32", seed);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const product = (whole: boolean) => () => {
    const a = random([...batchA, ...(transposeA ? [inner, 5] : [5, inner])], 1);
    const b = random([...batchB, ...(transposeB ? [6, inner] : [inner, 6])], 2);
    // The plain backend does not broadcast both ways.
    const operand = (x: tf.Tensor) => (whole ? tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)]) : x);
    return tf.matMul(operand(a), operand(b), transposeA, transposeB);
  };
  const before = tf.memory().numDataBuffers;
  const result = tf.tidy(product(false));
  const expected = await onCpu(product(true));
  const actual = Array.from(result.dataSync());
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 4);
  });
  result.dispose();
  expect(tf.memory().numDataBuffers).toBe(before);
}
