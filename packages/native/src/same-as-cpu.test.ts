/**
 * Runs TensorFlow.js's operations with small shapes and odd arguments on this backend and on the `cpu` backend: both
 * give the same values, or both throw. Where the cpu backend returns garbage instead of throwing, this one must throw.
 */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadNative, nativeUnavailableReason } from "./index.ts";
import { sizeOf } from "./kernel.ts";

/** Cases per operation. */
const CASES = Number(process.env.MEGATRON_FUZZ_RUNS ?? 20);
const SEED = Number(process.env.MEGATRON_FUZZ_SEED ?? 1);

type DataType = "float32" | "int32" | "bool";

/** A tensor to be made on either backend. */
interface Input {
  shape: number[];
  dtype: DataType;
  seed: number;
}

function tensorOf({ shape, dtype, seed }: Input): tf.Tensor {
  const at = (i: number) => ((i * 7919 + seed) % 9) - 2;
  const numbers = Array.from({ length: sizeOf(shape) }, (_, i) => (dtype === "float32" ? at(i) / 2 : at(i)));
  if (dtype === "bool")
    return tf.tensor(
      Uint8Array.from(numbers, (x) => x & 1),
      shape,
      "bool",
    );
  return tf.tensor(dtype === "int32" ? Int32Array.from(numbers) : Float32Array.from(numbers), shape, dtype);
}

const shapes = (options: { minSize?: number; minRank?: number; maxRank?: number } = {}) =>
  fc.array(fc.integer({ min: options.minSize ?? 0, max: 4 }), {
    minLength: options.minRank ?? 0,
    maxLength: options.maxRank ?? 4,
  });
const inputs = (
  options: Parameters<typeof shapes>[0] & { dtypes?: DataType[]; shape?: fc.Arbitrary<number[]> } = {},
): fc.Arbitrary<Input> =>
  fc.record({
    shape: options.shape ?? shapes(options),
    dtype: fc.constantFrom(...(options.dtypes ?? (["float32", "int32", "bool"] as const))),
    seed: fc.nat({ max: 1000 }),
  });

const int = (min: number, max: number) => fc.integer({ min, max });
const ints = (min: number, max: number, maxLength = 5) => fc.array(int(min, max), { maxLength });
/** Shapes of which one is made from the other, so that they broadcast more often than not. */
const pairOfShapes = shapes({ maxRank: 3 }).chain((a) =>
  fc.tuple(
    fc.constant(a),
    fc.oneof(
      fc.constant(a),
      fc
        .array(fc.boolean(), { minLength: a.length, maxLength: a.length })
        .map((ones) => a.map((n, i) => (ones[i] ? 1 : n))),
      fc.nat({ max: a.length }).map((from) => a.slice(from)),
      shapes({ maxRank: 3 }),
    ),
  ),
);

const hasDuplicates = (list: readonly number[], rank: number) =>
  new Set(list.map((axis) => (axis < 0 ? axis + rank : axis))).size < list.length;

/** Runs an operation with some arguments. */
type Run = () => tf.Tensor | tf.Tensor[];

const operations: { name: string; property: (check: (run: Run, meaningless: boolean) => Promise<void>) => Property }[] =
  [];
type Property = fc.IAsyncProperty<[unknown]>;

/** `meaningless` are arguments that the cpu backend does not refuse, though they mean nothing. */
function operation<T>(
  name: string,
  arguments_: fc.Arbitrary<T>,
  run: (given: T) => tf.Tensor | tf.Tensor[],
  meaningless: (given: T) => boolean = () => false,
): void {
  operations.push({
    name,
    property: (check) =>
      fc.asyncProperty(arguments_ as fc.Arbitrary<unknown>, (given) =>
        check(() => run(given as T), meaningless(given as T)),
      ),
  });
}

operation(
  "tile",
  fc.tuple(inputs(), ints(-2, 3)),
  ([x, reps]) => tf.tile(tensorOf(x), reps),
  ([, reps]) => reps.some((count) => count < 0),
);
operation(
  "transpose",
  inputs().chain((x) =>
    fc.tuple(
      fc.constant(x),
      fc.oneof(
        fc.shuffledSubarray(
          x.shape.map((_, i) => i),
          { minLength: x.shape.length },
        ),
        ints(-1, 4),
      ),
    ),
  ),
  ([x, perm]) => tf.transpose(tensorOf(x), perm),
  ([x, perm]) => hasDuplicates(perm, x.shape.length),
);
operation(
  "slice",
  inputs().chain((x) =>
    fc.tuple(
      fc.constant(x),
      fc.array(int(-2, 4), { maxLength: x.shape.length }),
      fc.array(int(-2, 4), { maxLength: x.shape.length }),
    ),
  ),
  ([x, begin, size]) => tf.slice(tensorOf(x), begin, size),
  ([x, begin, size]) =>
    begin.some((from, i) => from < 0 || from > (x.shape[i] ?? 0)) || size.some((length) => length < -1),
);
operation(
  "pad",
  inputs({ minRank: 1 }).chain((x) =>
    fc.tuple(
      fc.constant(x),
      fc.oneof(
        fc.array(fc.tuple(int(0, 2), int(0, 2)), { minLength: x.shape.length, maxLength: x.shape.length }),
        fc.array(fc.tuple(int(-1, 2), int(-1, 2)), { maxLength: 5 }),
      ),
    ),
  ),
  ([x, paddings]) => tf.pad(tensorOf(x), paddings),
  ([x, paddings]) => paddings.length !== x.shape.length || paddings.flat().some((padding) => padding < 0),
);
operation(
  "reverse",
  fc.tuple(inputs(), fc.oneof(ints(-4, 4), int(-4, 4))),
  ([x, axes]) => tf.reverse(tensorOf(x), axes),
  ([x, axes]) => hasDuplicates([axes].flat(), x.shape.length),
);
operation(
  "gather",
  fc.tuple(inputs(), inputs({ dtypes: ["int32"], maxRank: 3 }), int(-3, 3), int(-2, 3)),
  ([x, indices, axis, batchDims]) => tf.gather(tensorOf(x), tensorOf(indices) as tf.Tensor1D, axis, batchDims),
  // It cannot reshape tensors without elements.
  ([x, , , batchDims]) => batchDims !== 0 && sizeOf(x.shape) === 0,
);
operation("concat", fc.tuple(fc.array(inputs({ dtypes: ["float32"] }), { maxLength: 3 }), int(-4, 4)), ([list, axis]) =>
  tf.concat(list.map(tensorOf), axis),
);
operation(
  "concat that fits",
  fc.tuple(shapes({ minRank: 1 }), fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }), fc.nat({ max: 3 })),
  ([shape, sizes, axis]) =>
    tf.concat(
      sizes.map((size, seed) =>
        tensorOf({ shape: shape.map((n, i) => (i === axis % shape.length ? size : n)), dtype: "int32", seed }),
      ),
      axis % shape.length,
    ),
);
operation(
  "stack",
  fc.oneof(
    fc.tuple(fc.array(inputs({ dtypes: ["int32"] }), { maxLength: 3 }), int(-4, 4)),
    fc.tuple(
      inputs().chain((x) => fc.array(fc.constant(x), { minLength: 1, maxLength: 3 })),
      int(-5, 5),
    ),
  ),
  ([list, axis]) => tf.stack(list.map(tensorOf), axis),
);
operation("unstack", fc.tuple(inputs(), int(-4, 4)), ([x, axis]) => tf.unstack(tensorOf(x), axis));
operation(
  "split",
  fc.tuple(inputs(), fc.oneof(int(-1, 4), ints(-2, 4, 3)), int(-4, 4)),
  ([x, sizes, axis]) => tf.split(tensorOf(x), sizes, axis),
  ([, sizes]) => [sizes].flat().some((size) => size < -1) || sizes === 0,
);
operation("reshape", fc.tuple(inputs(), fc.oneof(ints(-2, 6), ints(1, 4, 2))), ([x, shape]) =>
  tf.reshape(tensorOf(x), shape),
);
operation("expandDims", fc.tuple(inputs(), int(-6, 6)), ([x, axis]) => tf.expandDims(tensorOf(x), axis));
operation("broadcastTo", fc.tuple(inputs(), shapes()), ([x, shape]) => tf.broadcastTo(tensorOf(x), shape));
operation(
  "oneHot",
  fc.tuple(inputs({ dtypes: ["int32"] }), int(-1, 5), fc.constantFrom("float32", "int32", "bool")),
  ([indices, depth, dtype]) => tf.oneHot(tensorOf(indices), depth, 1, 0, dtype as DataType),
);
operation(
  "scatterND",
  fc.tuple(
    inputs({ dtypes: ["int32"], minRank: 1, maxRank: 2 }),
    inputs({ dtypes: ["float32", "int32"], maxRank: 3 }),
    shapes({ maxRank: 3 }),
  ),
  ([indices, updates, shape]) => tf.scatterND(tensorOf(indices), tensorOf(updates), shape),
  // It looks at the flat position only, and lets an index of one dimension reach into the next.
  ([indices, , shape]) => indices.shape.at(-1)! > 1 && indices.shape.length > 1 && shape.length > 0,
);
operation(
  "unsortedSegmentSum",
  inputs({ dtypes: ["float32"], minRank: 1 }).chain((x) =>
    fc.tuple(
      fc.constant(x),
      fc.oneof(
        inputs({ dtypes: ["int32"], shape: fc.constant(x.shape.slice(0, 1)) }),
        inputs({ dtypes: ["int32"], minRank: 1, maxRank: 2 }),
      ),
      int(-1, 4),
    ),
  ),
  ([x, ids, count]) => tf.unsortedSegmentSum(tensorOf(x), tensorOf(ids) as tf.Tensor1D, count),
  // It broadcasts ids, and cannot stack no segments.
  ([x, ids, count]) => count === 0 || !tf.util.arraysEqual(ids.shape, x.shape.slice(0, ids.shape.length)),
);
for (const [name, reduce] of Object.entries({ sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min, prod: tf.prod })) {
  operation(
    name,
    fc.tuple(inputs({ dtypes: ["float32", "int32"], minSize: 1 }), fc.oneof(int(-5, 5), ints(-4, 4)), fc.boolean()),
    ([x, axes, keep]) => reduce(tensorOf(x), axes, keep),
    ([x, axes]) => hasDuplicates([axes].flat(), x.shape.length),
  );
}
for (const [name, reduce] of Object.entries({ any: tf.any, all: tf.all })) {
  operation(
    name,
    fc.tuple(inputs({ dtypes: ["bool"], minSize: 1 }), fc.oneof(int(-5, 5), ints(-4, 4)), fc.boolean()),
    ([x, axes, keep]) => reduce(tensorOf(x), axes, keep),
    ([x, axes]) => hasDuplicates([axes].flat(), x.shape.length),
  );
}
for (const [name, arg] of Object.entries({ argMax: tf.argMax, argMin: tf.argMin })) {
  operation(name, fc.tuple(inputs({ minSize: 1 }), int(-5, 5)), ([x, axis]) => arg(tensorOf(x), axis));
}
operation(
  "cumsum",
  fc.tuple(inputs({ dtypes: ["float32", "int32"] }), int(-4, 4), fc.boolean(), fc.boolean()),
  ([x, axis, exclusive, reverse]) => tf.cumsum(tensorOf(x), axis, exclusive, reverse),
  // It does not check the axis.
  ([x, axis]) => axis < -x.shape.length || axis >= x.shape.length,
);
operation("topk", fc.tuple(inputs({ dtypes: ["float32"], minRank: 1 }), int(-1, 5)), ([x, k]) => {
  const { values, indices } = tf.topk(tensorOf(x), k);
  return [values, indices];
});
operation("softmax", fc.tuple(inputs({ dtypes: ["float32"], minSize: 1 }), int(-2, 3)), ([x, axis]) =>
  tf.softmax(tensorOf(x), axis),
);
operation("logSoftmax", fc.tuple(inputs({ dtypes: ["float32"], minSize: 1 }), int(-2, 3)), ([x, axis]) =>
  tf.logSoftmax(tensorOf(x), axis),
);
const arithmetic = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
  floorDiv: tf.floorDiv,
};
for (const [name, combine] of Object.entries(arithmetic)) {
  operation(
    name,
    fc.tuple(pairOfShapes, fc.constantFrom("float32" as const, "int32" as const), fc.nat({ max: 99 })),
    ([[a, b], dtype, seed]) =>
      combine(tensorOf({ shape: a, dtype, seed }), tensorOf({ shape: b, dtype, seed: seed + 1 })),
  );
}
const comparisons = {
  equal: tf.equal,
  notEqual: tf.notEqual,
  greater: tf.greater,
  lessEqual: tf.lessEqual,
  logicalAnd: tf.logicalAnd,
  logicalOr: tf.logicalOr,
};
for (const [name, combine] of Object.entries(comparisons)) {
  const dtypes: DataType[] = name.startsWith("logical") ? ["bool"] : ["float32", "int32", "bool"];
  operation(name, fc.tuple(pairOfShapes, fc.constantFrom(...dtypes), fc.nat({ max: 99 })), ([[a, b], dtype, seed]) =>
    combine(tensorOf({ shape: a, dtype, seed }), tensorOf({ shape: b, dtype, seed: seed + 1 })),
  );
}
operation(
  "where",
  fc.tuple(pairOfShapes, shapes({ maxRank: 3 }), fc.constantFrom("float32" as const, "int32" as const)),
  ([[a, b], c, dtype]) =>
    tf.where(
      tensorOf({ shape: c, dtype: "bool", seed: 3 }),
      tensorOf({ shape: a, dtype, seed: 1 }),
      tensorOf({ shape: b, dtype, seed: 2 }),
    ),
  // tfjs does not broadcast tensors without elements.
  ([shapes, condition]) => [...shapes, condition].some((shape) => sizeOf(shape) === 0),
);
operation(
  "matMul",
  fc.oneof(
    fc.tuple(inputs({ dtypes: ["float32"] }), inputs({ dtypes: ["float32"] }), fc.boolean(), fc.boolean()),
    fc
      .tuple(shapes({ maxRank: 2 }), int(0, 4), int(0, 4), int(0, 4), fc.boolean(), fc.boolean())
      .map(([batch, m, k, n, left, right]) => {
        const operand = (rows: number, columns: number, seed: number): Input => ({
          shape: [...batch, rows, columns],
          dtype: "float32",
          seed,
        });
        return [
          left ? operand(k, m, 1) : operand(m, k, 1),
          right ? operand(n, k, 2) : operand(k, n, 2),
          left,
          right,
        ] as [Input, Input, boolean, boolean];
      }),
  ),
  ([a, b, transposeA, transposeB]) => tf.matMul(tensorOf(a), tensorOf(b), transposeA, transposeB),
);
operation("addN", fc.array(inputs({ dtypes: ["float32", "int32"] }), { maxLength: 3 }), (list) =>
  tf.addN(list.map(tensorOf)),
);
operation("addN that fits", inputs({ dtypes: ["float32", "int32"] }), (x) => tf.addN([tensorOf(x), tensorOf(x)]));
operation("cast", fc.tuple(inputs(), fc.constantFrom("float32", "int32", "bool", "complex64")), ([x, dtype]) => {
  const result = tf.cast(tensorOf(x), dtype as DataType);
  return result.dtype === ("complex64" as string) ? [tf.real(result), tf.imag(result)] : result;
});
operation(
  "fill",
  fc.tuple(ints(-2, 4), int(-3, 3), fc.constantFrom("float32", "int32", undefined)),
  ([shape, value, dtype]) => tf.fill(shape, value, dtype as DataType),
  ([shape]) => shape.some((size) => size < 0),
);
operation(
  "range",
  fc.tuple(int(-5, 5), int(-5, 5), fc.constantFrom(-2, -1, 0, 1, 2), fc.constantFrom("float32", "int32")),
  ([start, stop, step, dtype]) => tf.range(start, stop, step, dtype as "int32"),
);
operation("clipByValue", fc.tuple(inputs({ dtypes: ["float32"] }), int(-3, 3), int(-3, 3)), ([x, low, high]) =>
  tf.clipByValue(tensorOf(x), low, high),
);

type Outcome = { error: Error } | { results: { shape: number[]; dtype: string; values: number[] }[] };

async function outcomeOn(backend: string, run: Run): Promise<Outcome> {
  await tf.setBackend(backend);
  tf.engine().startScope();
  try {
    // Freed, so that memory that nobody writes shows.
    tf.dispose(tf.fill([64], 12345));
    const results = [run()].flat();
    return { results: results.map((x) => ({ shape: x.shape, dtype: x.dtype, values: Array.from(x.dataSync()) })) };
  } catch (error) {
    return { error: error as Error };
  } finally {
    tf.engine().endScope();
  }
}

const shown = (outcome: Outcome) => ("error" in outcome ? outcome.error.message : JSON.stringify(outcome.results));

const close = (a: number, b: number) => Object.is(a, b) || Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));

describe.skipIf(nativeUnavailableReason())("operations with odd arguments", () => {
  beforeAll(async () => {
    tf.enableProdMode();
    await loadNative({ threads: 2 });
  });

  it.each(operations)("$name", async ({ property }) => {
    const check = async (run: Run, meaningless: boolean) => {
      const native = await outcomeOn("native", run);
      if ("results" in native) {
        for (const { shape, values } of native.results) expect(values.length).toBe(sizeOf(shape));
      }
      if (meaningless) return;
      const cpu = await outcomeOn("cpu", run);
      const garbage = ({ shape, values }: { shape: number[]; values: number[] }) => values.length !== sizeOf(shape);
      if ("results" in cpu && cpu.results.some(garbage)) return;
      if ("error" in cpu || "error" in native) {
        expect("error" in native, `cpu: ${shown(cpu)}, native: ${shown(native)}`).toBe("error" in cpu);
        return;
      }
      expect(native.results.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
        cpu.results.map(({ shape, dtype }) => ({ shape, dtype })),
      );
      cpu.results.forEach(({ values }, i) => {
        const actual = native.results[i]!.values;
        expect(actual.length).toBe(values.length);
        for (let j = 0; j < values.length; j++) if (!close(actual[j]!, values[j]!)) expect(actual).toEqual(values);
      });
    };
    await fc.assert(property(check), { numRuns: CASES, seed: SEED });
  });
});
