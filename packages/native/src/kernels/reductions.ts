/** Reductions, softmax, cumulative sums, argmax and top-k. */
import type * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../backend.ts";
import { ANY, around, FLOAT, type Kernels, NUMERIC, type Run, sizeOf, taking } from "../kernel.ts";
import type { NativeAddon } from "../native-addon.ts";
import type { Handle } from "../native-data.ts";
import { axesOf, axisOf } from "./arguments.ts";
import { transposed } from "./layout.ts";

interface Extent {
  outer: number;
  count: number;
  inner: number;
}

/** Calls `run` with the reduced dimensions adjacent: on x itself if they already are, else on a transposed copy. */
function withAdjacentAxes(
  backend: NativeBackend,
  x: tf.TensorInfo,
  axes: number[],
  run: (x: Handle, extent: Extent) => Handle,
): Handle {
  const adjacent = axes.every((axis, i) => axis === axes[0]! + i);
  if (adjacent) {
    const [first, last] = [axes[0] ?? x.shape.length, (axes[axes.length - 1] ?? x.shape.length - 1) + 1];
    return run(backend.handleOf(x), {
      outer: sizeOf(x.shape.slice(0, first)),
      count: sizeOf(x.shape.slice(first, last)),
      inner: sizeOf(x.shape.slice(last)),
    });
  }
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  const moved = transposed(backend, x, [...rest, ...axes]);
  try {
    return run(moved, { outer: sizeOf(rest.map((axis) => x.shape[axis]!)), count, inner: 1 });
  } finally {
    backend.engine.free(moved);
  }
}

function reduction(op: number, name: string): Run {
  return ({ inputs: { x }, attrs, backend }) => {
    const axes = axesOf(name, attrs.reductionIndices ?? attrs.axis, x!.shape).sort((a, b) => a - b);
    const kept = x!.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const shape = attrs.keepDims ? kept : x!.shape.filter((_, axis) => !axes.includes(axis));
    const averagesIntegers = name === "Mean" && x!.dtype !== "float32";
    const numbers = averagesIntegers ? asFloat(backend, x!) : x!;
    try {
      const handle = withAdjacentAxes(backend, numbers, axes, (moved, { outer, count, inner }) =>
        backend.engine.reduce(op, moved, outer, count, inner),
      );
      return backend.output(handle, shape, averagesIntegers ? "float32" : x!.dtype);
    } finally {
      if (averagesIntegers) backend.disposeData(numbers.dataId);
    }
  };
}

function asFloat(backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo {
  return backend.output(backend.engine.cast(backend.handleOf(x), backend.kinds.f32!), x.shape);
}

function argExtreme(largest: boolean): Run {
  return ({ inputs: { x }, attrs: { axis }, backend }) => {
    const first = axisOf(axis, x!.shape);
    const { outer, count, inner } = around(x!.shape, first);
    const handle = backend.engine.argExtreme(largest, backend.handleOf(x!), outer, count, inner);
    return backend.output(
      handle,
      x!.shape.filter((_, i) => i !== first),
      "int32",
    );
  };
}

function softmax(logarithm: boolean): Run {
  return ({ inputs: { logits }, attrs, backend }) => {
    const { shape } = logits!;
    const last = shape.length - 1;
    const axis = attrs.dim ?? attrs.axis ?? -1;
    if (last < 0 || (axis !== -1 && axis !== last))
      throw new Error(`softmax: expected the last axis of [${shape}], got ${axis}`);
    const width = shape[last]!;
    return backend.output(backend.engine.softmax(backend.handleOf(logits!), width, logarithm), logits!.shape);
  };
}

const cumulativeSum: Run = ({ inputs: { x }, attrs: { axis, exclusive, reverse }, backend }) => {
  const { outer, count, inner } = around(x!.shape, axisOf(axis, x!.shape));
  const handle = backend.engine.cumulativeSum(backend.handleOf(x!), outer, count, inner, exclusive, reverse);
  return backend.output(handle, x!.shape, x!.dtype);
};

const topK: Run = ({ inputs: { x }, attrs: { k }, backend }) => {
  const width = x!.shape[x!.shape.length - 1]!;
  const shape = [...x!.shape.slice(0, -1), k];
  const [values, positions] = backend.engine.topK(backend.handleOf(x!), width, k);
  return [backend.output(values!, shape), backend.output(positions!, shape, "int32")];
};

export function reductionKernels(addon: NativeAddon): Kernels {
  const kernels: Kernels = {};
  addon.reductionKernels().forEach((name, op) => {
    const dtypes = name === "Any" || name === "All" ? (["bool"] as const) : NUMERIC;
    kernels[name] = { dtypes, run: reduction(op, name) };
  });
  return {
    ...kernels,
    ...taking(ANY, { ArgMax: argExtreme(true), ArgMin: argExtreme(false) }),
    ...taking(NUMERIC, { Cumsum: cumulativeSum }),
    ...taking(FLOAT, { Softmax: softmax(false), LogSoftmax: softmax(true), TopK: topK }),
  };
}
