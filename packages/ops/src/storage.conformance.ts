/** Conformance of storage: bytes there and back, and the rounding of bf16 where a backend has it. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import { expectClose, expectError, expectSameBits, plain, random, roundToBf16, toTensor } from "./conformance/plain.ts";
import { linear } from "./linear.ts";
import { fromBytes, storageOf, store, toBytes, withPrecision } from "./storage.ts";

/** Whether the running backend has bf16 at all. */
function hasBf16(): boolean {
  try {
    return withPrecision("bf16", () => true);
  } catch {
    return false;
  }
}

export const storageSuite: ConformanceSuite = {
  name: "storage",
  cases: [
    {
      name: "bytes there and back",
      check: () =>
        tf.tidy(() => {
          for (const shape of [[], [1], [7, 33], [0, 3]]) {
            const x = toTensor(random("x", shape));
            const bytes = toBytes(x);
            if (bytes.length !== 4 * x.size) throw new Error(`${bytes.length} bytes for ${x.size} numbers`);
            expectSameBits(fromBytes(bytes, { shape }), x, { what: `[${shape}]` });
          }
          const ids = tf.tensor1d([1, -2, 2 ** 31 - 1], "int32");
          expectSameBits(fromBytes(toBytes(ids), { shape: [3], dtype: "int32" }), ids, { what: "int32" });
        }),
    },
    {
      name: "bytes are little-endian and the caller's own",
      check: () =>
        tf.tidy(() => {
          const x = tf.tensor1d([1, -2]);
          const bytes = toBytes(x);
          if (String(bytes) !== "0,0,128,63,0,0,0,192") throw new Error(`got ${bytes}`);
          bytes.fill(0);
          expectClose(x, { expected: plain([2], [1, -2]), tolerance: 0, what: "x" });
        }),
    },
    {
      name: "tensors are stored in f32 by default",
      check: () =>
        tf.tidy(() => {
          if (storageOf(tf.ones([3])) !== "f32") throw new Error(`stored as ${storageOf(tf.ones([3]))}`);
        }),
    },
    {
      name: "matrix products round what they multiply in bf16, and only there",
      check: ({ precision }) =>
        tf.tidy(() => {
          const x = plain([1, 1], [1 + 2 ** -12]);
          const y = linear(toTensor(x), { weight: toTensor(x) });
          const expected = precision === "bf16" ? plain([1, 1], [1]) : plain([1, 1], [(1 + 2 ** -12) ** 2]);
          expectClose(y, { expected, tolerance: 1e-6, what: `the product in ${precision}` });
        }),
    },
    {
      name: "bf16 rounds to nearest, or is refused where a backend has none",
      check: () =>
        tf.tidy(() => {
          const x = random("x", [257]);
          const tensor = toTensor(x);
          if (!hasBf16()) {
            expectError(() => store(tensor, "bf16"), /stores f32 only/);
            expectError(() => withPrecision("bf16", () => tf.ones([1])), /computes in f32 only/);
            return;
          }
          store(tensor, "bf16");
          if (storageOf(tensor) !== "bf16") throw new Error(`stored as ${storageOf(tensor)}`);
          expectClose(tensor, { expected: plain([257], x.values.map(roundToBf16)), tolerance: 0, what: "bf16" });
          store(tensor, "f32");
          expectClose(tensor, { expected: plain([257], x.values.map(roundToBf16)), tolerance: 0, what: "f32 again" });
        }),
    },
  ],
};
