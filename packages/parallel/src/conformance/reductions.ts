/** Cases of reductions: sums and maxima, in f32, f64 and bf16, of any size. */
import * as tf from "@tensorflow/tfjs";
import {
  type CommunicatorCase,
  expectEqual,
  expectSame,
  linger,
  nearestBfloat16,
  sizeOf,
  sumInOrder,
  tensorOf,
  valuesOf,
} from "./case.ts";

const SHAPES = [[], [1], [3], [0, 4], [17], [2, 3, 5], [1009]];
const everyRank = (size: number, count: number) => Array.from({ length: size }, (_, rank) => valuesOf(rank, count));
const narrow = (values: Float32Array) => values.map(nearestBfloat16);

export const reductionCases: readonly CommunicatorCase[] = [
  {
    name: "allReduce sums in rank order, whatever the size, and leaves its input alone",
    check({ world }) {
      for (const shape of SHAPES) {
        const x = tensorOf(world.rank, shape);
        const sum = world.allReduce(x);
        expectEqual(sum.shape, shape, "shape");
        expectSame(sum.dataSync(), sumInOrder(everyRank(world.size, sizeOf(shape))), `sum of [${shape}]`);
        expectSame(x.dataSync(), valuesOf(world.rank, sizeOf(shape)), "input");
        tf.dispose([x, sum]);
      }
    },
  },
  {
    name: "sums have the same bits whatever order the ranks arrive in",
    check({ world }) {
      const expected = sumInOrder(everyRank(world.size, 301));
      for (let round = 0; round < 6; round++) {
        linger(3 * ((world.rank + round) % world.size));
        const values = valuesOf(world.rank, 301);
        world.reduce(values);
        expectSame(values, expected, `sum of round ${round}`);
      }
    },
  },
  {
    name: "allReduce takes maxima, NaN among them",
    check({ world }) {
      const values = valuesOf(world.rank, 11);
      if (world.rank === world.size - 1) values[4] = Number.NaN;
      const x = tf.tensor1d(values);
      const highest = world.allReduce(x, { operation: "max" });
      const all = everyRank(world.size, 11);
      const expected = all[0]!.map((_, i) => (i === 4 ? Number.NaN : Math.max(...all.map((one) => one[i]!))));
      expectSame(highest.dataSync(), expected, "maximum");
      tf.dispose([x, highest]);
    },
  },
  {
    name: "reduce sums float64 numbers in place",
    check({ world }) {
      const values = Float64Array.from({ length: 5 }, (_, i) => 1 / (3 + world.rank + i));
      world.reduce(values);
      const expected = Float64Array.from({ length: 5 }, (_, i) =>
        Array.from({ length: world.size }, (_, rank) => 1 / (3 + rank + i)).reduce((sum, value) => sum + value),
      );
      expectSame(values, expected, "sum");
    },
  },
  {
    name: "reduceScatter returns this rank's slice of the sum, along any dimension",
    check({ world }) {
      const { size, rank } = world;
      for (const dimension of [0, 1, 2]) {
        const shape = [3, 2, 5].map((length, i) => (i === dimension ? length * size : length));
        const x = tensorOf(rank, shape);
        const found = world.reduceScatter(x, dimension);
        const whole = tf.tensor(sumInOrder(everyRank(size, sizeOf(shape))), shape);
        const expected = size === 1 ? whole : tf.split(whole, size, dimension)[rank]!;
        expectEqual(found.shape, expected.shape, "shape");
        expectSame(found.dataSync(), expected.dataSync(), `slice along ${dimension}`);
        tf.dispose([x, found]);
      }
    },
  },
  {
    name: "reduceSlices returns slices of any length of the sum, and gatherSlices joins them; each value travels once a rank",
    check({ world, sentBytes }) {
      const { size, rank } = world;
      const sizes = Array.from({ length: size }, (_, other) => (other % 3) * 5);
      const starts = [0, ...sizes].map((_, index, all) => all.slice(0, index + 1).reduce((sum, count) => sum + count));
      const total = starts.at(-1)!;
      const sum = sumInOrder(everyRank(size, total));
      const values = valuesOf(rank, total);
      const before = sentBytes();
      const slice = world.reduceSlices(values, starts);
      expectSame(slice, sum.subarray(starts[rank], starts[rank + 1]), "slice");
      expectSame(values, valuesOf(rank, total), "input");
      values.set(slice, starts[rank]!);
      world.gatherSlices(values, starts);
      expectSame(values, sum, "slices");
      expectEqual(sentBytes() - before, 4 * (total - sizes[rank]! + (size - 1) * sizes[rank]!), "bytes");
    },
  },
  {
    name: "sums are the same of more values than travel at a time",
    check({ world }) {
      const { size, rank } = world;
      // Two ranks are enough: more are tested with few bytes a call, where this would take long.
      if (size !== 2) return;
      const sizes = [131_077, 3];
      const starts = [0, ...sizes].map((_, index, all) => all.slice(0, index + 1).reduce((sum, count) => sum + count));
      const total = starts.at(-1)!;
      const sum = sumInOrder(everyRank(size, total));
      const slice = world.reduceSlices(valuesOf(rank, total), starts);
      expectSame(slice, sum.subarray(starts[rank], starts[rank + 1]), "slice");
      const count = 131_072 * size + 7;
      const values = valuesOf(rank, count);
      world.reduce(values);
      expectSame(values, sumInOrder(everyRank(size, count)), "sum");
    },
  },
  {
    name: "bf16: what travels and what arrives is rounded, the sum is taken in f32",
    check({ world }) {
      if (world.size === 1) return;
      for (const count of [0, 1, 7, 1001]) {
        const values = valuesOf(world.rank, count);
        world.reduce(values, { wire: "bf16" });
        expectSame(values, narrow(sumInOrder(everyRank(world.size, count).map(narrow))), `sum of ${count}`);
      }
      const special = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -0, 3.4e38, 1e-40);
      const x = tf.tensor1d(special);
      const highest = world.allReduce(x, { operation: "max", wire: "bf16" });
      expectSame(highest.dataSync(), special.map(nearestBfloat16OrInfinity), "special values");
      tf.dispose([x, highest]);
    },
  },
  {
    name: "bf16 halves the traffic; an all-reduce of n values over r ranks sends 2 n (r - 1) / r of them",
    check({ world, sentBytes }) {
      const count = 8 * world.size;
      const traffic = (wire: "f32" | "bf16") => {
        const before = sentBytes();
        world.reduce(new Float32Array(count), { wire });
        return sentBytes() - before;
      };
      const values = 2 * count * (1 - 1 / world.size);
      expectEqual(traffic("f32"), 4 * values, "bytes in f32");
      expectEqual(traffic("bf16"), 2 * values, "bytes in bf16");
    },
  },
];

/** Beyond the largest bfloat16 and half a unit lies infinity. */
const nearestBfloat16OrInfinity = (value: number) => {
  const nearest = nearestBfloat16(value);
  return Math.abs(nearest) > 3.3895313892515355e38 ? Math.sign(nearest) * Number.POSITIVE_INFINITY : nearest;
};
