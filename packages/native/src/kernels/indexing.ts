/** Gathers and scatters elements by index. */
import * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../backend.ts";
import { fallback } from "../fallback.ts";
import { ANY, type Kernels, NUMERIC, type Run, sizeOf, taking } from "../kernel.ts";
import { KIND_OF } from "../native-data.ts";
import { axisOf, checkSameShapes, checkSizes } from "./arguments.ts";

/** Calls `use` with the indices as int32, cast if necessary. The handle lives as long as the call. */
function asIntegers<T>(backend: NativeBackend, indices: tf.TensorInfo, use: (handle: number) => T): T {
  const handle = backend.handleOf(indices);
  if (indices.dtype === "int32") return use(handle);
  const cast = backend.engine.cast(handle, backend.kinds.i32!);
  try {
    return use(cast);
  } finally {
    backend.engine.free(cast);
  }
}

const gather: Run = ({ inputs: { x, indices }, attrs: { axis, batchDims }, backend }) => {
  if (batchDims !== undefined && !Number.isInteger(batchDims)) {
    throw new Error(`GatherV2: batchDims must be an integer, got ${batchDims}`);
  }
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x!, indices!, axisOf(axis, x!.shape), batchDims ?? 0);
  const handle = asIntegers(backend, indices!, (picked) =>
    backend.engine.gather(backend.handleOf(x!), picked, batchSize, outerSize, dimSize, sliceSize),
  );
  return backend.output(handle, outputShape, x!.dtype);
};

const scatterNd: Run = ({ inputs: { indices, updates }, attrs: { shape }, backend }) => {
  checkSizes("ScatterNd", shape);
  const { sliceRank, sliceSize } = tf.backend_util.calculateShapes(updates!, indices!, shape);
  const rows = indices!.shape.slice(0, Math.max(indices!.shape.length - 1, 1));
  checkSameShapes("ScatterNd", [updates!.shape, [...rows, ...shape.slice(sliceRank)]]);
  const sizes = Float64Array.from(shape.slice(0, sliceRank));
  const handle = asIntegers(backend, indices!, (positions) =>
    backend.engine.scatterAdd(positions, backend.handleOf(updates!), -1, sizes, sliceSize, false),
  );
  return backend.output(handle, shape, updates!.dtype);
};

const unsortedSegmentSum: Run = ({ inputs: { x, segmentIds }, attrs: { numSegments }, backend }) => {
  checkSizes("UnsortedSegmentSum", [numSegments]);
  const rank = segmentIds!.shape.length;
  checkSameShapes("UnsortedSegmentSum", [segmentIds!.shape, x!.shape.slice(0, rank)]);
  const inner = x!.shape.slice(rank);
  const sizes = Float64Array.of(numSegments);
  const truthValues = x!.dtype === "bool";
  const numbers = truthValues ? backend.engine.cast(backend.handleOf(x!), backend.kinds.f32!) : backend.handleOf(x!);
  try {
    // Ids of no segment count nowhere, as on tfjs's own backends.
    const handle = asIntegers(backend, segmentIds!, (positions) =>
      backend.engine.scatterAdd(positions, numbers, -1, sizes, sizeOf(inner), true),
    );
    return backend.output(handle, [numSegments, ...inner], truthValues ? "float32" : x!.dtype);
  } finally {
    if (truthValues) backend.engine.free(numbers);
  }
};

const oneHotOnCpu = fallback("OneHot");

const oneHot: Run = (call) => {
  const { indices } = call.inputs;
  const { depth, onValue, offValue, dtype } = call.attrs;
  const { backend } = call;
  if (!(dtype in KIND_OF)) return oneHotOnCpu(call);
  checkSizes("OneHot", [depth]);
  const kind = backend.kinds[KIND_OF[dtype as keyof typeof KIND_OF]]!;
  const handle = asIntegers(backend, indices!, (positions) =>
    backend.engine.oneHot(positions, depth, onValue, offValue, kind),
  );
  return backend.output(handle, [...indices!.shape, depth], dtype);
};

export const indexingKernels: Kernels = {
  ...taking(ANY, { GatherV2: gather, OneHot: oneHot, UnsortedSegmentSum: unsortedSegmentSum }),
  ...taking(NUMERIC, { ScatterNd: scatterNd }),
};
