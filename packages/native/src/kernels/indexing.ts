/** Gathers and scatters elements by index. */
import * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../backend.ts";
import { ANY, type Kernels, NUMERIC, type Run, sizeOf, taking } from "../kernel.ts";
import { KIND_OF } from "../native-data.ts";

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
  const [first] = tf.util.parseAxisParam(axis, x!.shape);
  const batchDimensions = batchDims < 0 ? batchDims + indices!.shape.length : (batchDims ?? 0);
  const batch = sizeOf(x!.shape.slice(0, batchDimensions));
  const outer = sizeOf(x!.shape.slice(batchDimensions, first));
  const inner = sizeOf(x!.shape.slice(first! + 1));
  const shape = [...x!.shape.slice(0, first), ...indices!.shape.slice(batchDimensions), ...x!.shape.slice(first! + 1)];
  const handle = asIntegers(backend, indices!, (picked) =>
    backend.engine.gather(backend.handleOf(x!), picked, batch, outer, x!.shape[first!]!, inner),
  );
  return backend.output(handle, shape, x!.dtype);
};

const scatterNd: Run = ({ inputs: { indices, updates }, attrs: { shape }, backend }) => {
  const rank = indices!.shape[indices!.shape.length - 1]!;
  const sizes = Int32Array.from(shape.slice(0, rank));
  const handle = asIntegers(backend, indices!, (places) =>
    backend.engine.scatterAdd(places, backend.handleOf(updates!), -1, sizes, sizeOf(shape.slice(rank))),
  );
  return backend.output(handle, shape, updates!.dtype);
};

const unsortedSegmentSum: Run = ({ inputs: { x, segmentIds }, attrs: { numSegments }, backend }) => {
  const inner = x!.shape.slice(segmentIds!.shape.length);
  const handle = asIntegers(backend, segmentIds!, (places) =>
    backend.engine.scatterAdd(places, backend.handleOf(x!), -1, Int32Array.of(numSegments), sizeOf(inner)),
  );
  return backend.output(handle, [numSegments, ...inner], x!.dtype);
};

const oneHot: Run = ({ inputs: { indices }, attrs: { depth, onValue, offValue, dtype }, backend }) => {
  const kind = backend.kinds[KIND_OF[dtype as keyof typeof KIND_OF]]!;
  const handle = asIntegers(backend, indices!, (places) =>
    backend.engine.oneHot(places, depth, onValue, offValue, kind),
  );
  return backend.output(handle, [...indices!.shape, depth], dtype);
};

export const indexingKernels: Kernels = {
  ...taking(ANY, { GatherV2: gather, OneHot: oneHot }),
  ...taking(NUMERIC, { ScatterNd: scatterNd, UnsortedSegmentSum: unsortedSegmentSum }),
};
