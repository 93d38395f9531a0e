/** Conformance of `dropout`: which elements are kept is decided by Philox at their index in the unsplit tensor. */
import { hashKey, words } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { expectClose, expectError, expectSameBits, type Plain, plain, random, sizeOf } from "./conformance/plain.ts";
import { type DropoutOptions, dropout } from "./dropout.ts";

const key = hashKey(5, "dropout");

/** 0 or 1/(1 - rate) for each element of a tensor of this shape, one by one. */
export function maskOf(shape: readonly number[], { rate, key, origin, globalShape = shape }: DropoutOptions): Plain {
  const values = new Float64Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) {
    let index = 0;
    let rest = i;
    let stride = 1;
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      index += ((rest % shape[dimension]!) + (origin?.[dimension] ?? 0)) * stride;
      stride *= globalShape[dimension]!;
      rest = Math.floor(rest / shape[dimension]!);
    }
    values[i] = words(key, 1, { start: index })[0]! >= Math.floor(rate * 2 ** 32) ? 1 / (1 - rate) : 0;
  }
  return plain(shape, values);
}

const holds = (name: string, shape: readonly number[], given: Partial<DropoutOptions> = {}): ConformanceCase => ({
  name,
  check: (options) => {
    const settings = { rate: 0.3, key, ...given };
    const mask = maskOf(shape, settings);
    const masked = (values: Plain) =>
      plain(
        shape,
        values.values.map((value, i) => value * mask.values[i]!),
      );
    checkOp(
      {
        inputs: { x: random("x", shape) },
        run: ({ x }) => dropout(x!, settings),
        forward: ({ x }) => masked(x!),
        backward: (_, dy) => ({ x: masked(dy) }),
      },
      options,
    );
  },
});

export const dropoutSuite: ConformanceSuite = {
  name: "dropout",
  cases: [
    ...[[], [1], [7], [33, 7], [3, 5, 7], [2, 3, 5, 3], [257, 33], [0, 3]].map((shape) => holds(`[${shape}]`, shape)),
    ...[1e-9, 0.1, 0.5, 0.999].map((rate) => holds(`a rate of ${rate}`, [33, 7], { rate })),
    holds("another key", [33, 7], { key: [0xffffffff, 0x80000001] }),
    holds("a part of a tensor", [3, 5, 7], { origin: [2, 0, 1], globalShape: [9, 5, 11] }),
    holds("a part beyond 2^32 elements", [3, 7], { origin: [2 ** 19, 77], globalShape: [2 ** 20, 2 ** 14 + 1] }),
    {
      name: "split along any dimension, the parts are those of the whole",
      check: () =>
        tf.tidy(() => {
          const whole = tf.ones([6, 4, 10]);
          const expected = dropout(whole, { rate: 0.4, key });
          for (const axis of [0, 1, 2]) {
            const parts = tf.split(whole, 2, axis).map((part, i) => {
              const origin = [0, 0, 0];
              origin[axis] = i * part.shape[axis]!;
              return dropout(part, { rate: 0.4, key, origin, globalShape: whole.shape });
            });
            expectSameBits(tf.concat(parts, axis), expected, { what: `split along dimension ${axis}` });
          }
        }),
    },
    {
      name: "drops about as much as asked for, and keeps the mean",
      check: () =>
        tf.tidy(() => {
          const y = dropout(tf.ones([100_000]), { rate: 0.25, key });
          const dropped = tf.mean(tf.cast(tf.equal(y, 0), "float32"));
          expectClose(dropped, { expected: plain([], [0.25]), tolerance: 0.02, what: "the dropped part" });
          expectClose(tf.mean(y), { expected: plain([], [1]), tolerance: 0.02, what: "the mean" });
        }),
    },
    {
      name: "a rate of 0 changes nothing",
      check: () =>
        tf.tidy(() => {
          const x = tf.range(0, 7);
          expectSameBits(dropout(x, { rate: 0, key }), x, { what: "x" });
        }),
    },
    {
      name: "a rate of 1, or a part outside the tensor, is an error",
      check: () => {
        const x = tf.ones([2, 3]);
        expectError(() => dropout(x, { rate: 1, key }), /rate must be in \[0, 1\), got 1/);
        expectError(() => dropout(x, { rate: 0.5, key, origin: [1, 0], globalShape: [2, 3] }), /does not lie inside/);
      },
    },
  ],
};
