/** Conformance of reference counts: who shares memory, when it is freed, and that nobody else changes. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { expectClose, plain, random, toTensor } from "./conformance/plain.ts";

const memoryCases: ConformanceCase[] = [
  {
    name: "clones and reshapes share memory, which goes with the last of them",
    check: () => {
      const dataIds = () => tf.backend().numDataIds();
      const before = dataIds();
      const x = toTensor(random("x", [3, 4]));
      const owners = () => tf.backend().refCount(x.dataId);
      const [clone, flat] = [x.clone(), tf.reshape(x, [12])];
      if (owners() !== 3 || dataIds() !== before + 1)
        throw new Error(`${owners()} owners, ${dataIds() - before} buffers`);
      const values = Array.from(flat.dataSync());
      clone.dispose();
      if (owners() !== 2) throw new Error(`${owners()} owners after disposing the clone`);
      x.dispose();
      expectClose(flat, { expected: plain([12], values), tolerance: 0, what: "the reshape" });
      flat.dispose();
      if (dataIds() !== before) throw new Error(`${dataIds() - before} buffers are left`);
    },
  },
  {
    name: "what is read is a copy",
    check: () =>
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2, 3]);
        const y = tf.mul(x, 1);
        y.dataSync().fill(7);
        expectClose(y, { expected: plain([3], [1, 2, 3]), tolerance: 0, what: "the tensor" });
      }),
  },
  {
    name: "inputs stay as they are",
    check: () =>
      tf.tidy(() => {
        const x = toTensor(random("x", [7, 33]));
        const values = Array.from(x.dataSync());
        for (const f of [tf.exp, tf.neg, tf.softmax, tf.relu, tf.square, tf.zerosLike]) f(x);
        tf.add(x, x);
        tf.sum(x);
        expectClose(x, { expected: plain([7, 33], values), tolerance: 0, what: "the input" });
      }),
  },
];

export const memorySuite: ConformanceSuite = { name: "tfjs: memory", cases: memoryCases };
