/** Kernels that only move elements: one or a few strided copies, or none at all. */
import * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../backend.ts";
import { fallback } from "../fallback.ts";
import { ANY, type Kernels, type Run, sizeOf, stridesOf, taking } from "../kernel.ts";
import type { Handle } from "../native-data.ts";
import { axesOf, axisOf, checkSameShapes, checkSizes } from "./arguments.ts";

/** The first index of a copy in an array, and a stride for each dimension. */
interface Walk {
  start?: number;
  strides: number[];
}

function copy(
  backend: NativeBackend,
  { from, to, shape }: { from: Handle; to: Handle; shape: number[] },
  { read, write }: { read: Walk; write: Walk },
): void {
  const plan = Float64Array.of(...shape, read.start ?? 0, ...read.strides, write.start ?? 0, ...write.strides);
  backend.engine.copy(from, to, plan);
}

/** A new tensor with the storage type of x. */
function allocateLike(backend: NativeBackend, x: Handle, shape: readonly number[]): Handle {
  return backend.engine.allocate(backend.engine.kind(x), sizeOf(shape));
}

/** A new tensor [shape] read from x along a walk. */
function gathered(backend: NativeBackend, x: Handle, shape: number[], read: Walk): Handle {
  const to = allocateLike(backend, x, shape);
  try {
    copy(backend, { from: x, to, shape }, { read, write: { strides: stridesOf(shape) } });
  } catch (error) {
    backend.engine.free(to);
    throw error;
  }
  return to;
}

/** A new tensor: x with its dimensions in another order. */
export function transposed(backend: NativeBackend, x: tf.TensorInfo, order: number[]): Handle {
  const strides = stridesOf(x.shape);
  return gathered(
    backend,
    backend.handleOf(x),
    order.map((axis) => x.shape[axis]!),
    { strides: order.map((axis) => strides[axis]!) },
  );
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const identity: Run = ({ inputs: { x }, backend }) => backend.share(x!, x!.shape);

const reshape: Run = ({ inputs: { x }, attrs: { shape }, backend }) => {
  const size = sizeOf(x!.shape);
  const inferred = tf.util.inferFromImplicitShape(shape, size);
  if (sizeOf(inferred) !== size) throw new Error(`cannot reshape [${x!.shape}] to [${inferred}]: the sizes differ`);
  return backend.share(x!, inferred);
};

const expandDims: Run = ({ inputs: { input }, attrs: { dim }, backend }) => {
  const shape = [...input!.shape];
  shape.splice(axisOf(dim, [...shape, 1]), 0, 1);
  return backend.share(input!, shape);
};

const transpose: Run = ({ inputs: { x }, attrs: { perm }, backend }) => {
  const order = axesOf("Transpose", perm as number[], x!.shape);
  if (order.length !== x!.shape.length) throw new Error(`Transpose: [${perm}] is no permutation of [${x!.shape}]`);
  // Dimensions of size 1 may go anywhere: as long as the others stay in order, nothing moves.
  const moving = order.filter((axis) => x!.shape[axis] !== 1);
  const shape = order.map((axis) => x!.shape[axis]!);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return backend.share(x!, shape);
  return backend.output(transposed(backend, x!, order), shape, x!.dtype);
};

const slice: Run = ({ inputs: { x }, attrs, backend }) => {
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin!, size!);
  checkSizes("Slice", begin!);
  checkSizes("Slice", size!);
  if (tf.util.arraysEqual(size!, x!.shape)) return backend.share(x!, x!.shape);
  const strides = stridesOf(x!.shape);
  const handle = gathered(backend, backend.handleOf(x!), size!, { start: dot(begin!, strides), strides });
  return backend.output(handle, size!, x!.dtype);
};

const splitV: Run = ({ inputs: { x }, attrs: { numOrSizeSplits, axis }, backend }) => {
  const first = axisOf(axis, x!.shape);
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, first);
  checkSizes("SplitV", sizes);
  const strides = stridesOf(x!.shape);
  let at = 0;
  return sizes.map((size) => {
    const shape = x!.shape.map((whole, i) => (i === first ? size : whole));
    const read = { start: at * strides[first]!, strides };
    at += size;
    return backend.output(gathered(backend, backend.handleOf(x!), shape, read), shape, x!.dtype);
  });
};

/** Calls `use` with the tensors in one storage type: f32 if theirs differ. The handles live as long as the call. */
function inOneStorage<T>(backend: NativeBackend, tensors: tf.TensorInfo[], use: (handles: Handle[]) => T): T {
  const handles = tensors.map((tensor) => backend.handleOf(tensor));
  const kinds = handles.map((handle) => backend.engine.kind(handle));
  if (kinds.every((kind) => kind === kinds[0])) return use(handles);
  const wide = handles.map((handle) => backend.engine.storedAs(handle, backend.kinds.f32!));
  try {
    return use(wide);
  } finally {
    for (const handle of wide) backend.engine.free(handle);
  }
}

/** Concatenates tensors along an axis of `shape`. */
function concatenated(backend: NativeBackend, tensors: tf.TensorInfo[], shape: number[], axis: number): tf.TensorInfo {
  const write = stridesOf(shape);
  return inOneStorage(backend, tensors, (handles) => {
    const to = allocateLike(backend, handles[0]!, shape);
    let at = 0;
    try {
      handles.forEach((from, i) => {
        const size = tensors[i]!.shape;
        copy(
          backend,
          { from, to, shape: size },
          { read: { strides: stridesOf(size) }, write: { start: at * write[axis]!, strides: write } },
        );
        at += size[axis]!;
      });
    } catch (error) {
      backend.engine.free(to);
      throw error;
    }
    return backend.output(to, shape, tensors[0]!.dtype);
  });
}

const haveOneType = (tensors: tf.TensorInfo[]) => tensors.every(({ dtype }) => dtype === tensors[0]!.dtype);

const concatOnCpu = fallback("Concat");

const concat: Run = (call) => {
  const { inputs, attrs, backend } = call;
  const all = Object.values(inputs);
  if (all.length === 0 || !haveOneType(all)) return concatOnCpu(call);
  const first = axisOf(attrs.axis, all[0]!.shape);
  const shapes = all.map((tensor) => tensor.shape);
  tf.backend_util.assertParamsConsistent(shapes, first);
  const shape = tf.backend_util.computeOutShape(shapes, first);
  const filled = all.filter((tensor) => sizeOf(tensor.shape) > 0);
  if (filled.length === 1) return backend.share(filled[0]!, shape);
  return concatenated(backend, filled.length > 0 ? filled : all, shape, first);
};

const pack: Run = ({ inputs, attrs: { axis }, backend }) => {
  const all = Object.values(inputs);
  if (all.length === 0 || !haveOneType(all)) throw new Error("Pack: expected tensors of one type");
  checkSameShapes(
    "Pack",
    all.map((tensor) => tensor.shape),
  );
  const at = axisOf(axis, [...all[0]!.shape, 1]);
  const single = [...all[0]!.shape.slice(0, at), 1, ...all[0]!.shape.slice(at)];
  const shape = single.map((size, i) => (i === at ? all.length : size));
  return concatenated(
    backend,
    all.map((tensor) => ({ ...tensor, dataId: tensor.dataId, dtype: tensor.dtype, shape: single })),
    shape,
    at,
  );
};

const unpack: Run = ({ inputs: { value }, attrs: { axis }, backend }) => {
  const at = axisOf(axis, value!.shape);
  const strides = stridesOf(value!.shape);
  const without = <T>(list: T[]) => list.filter((_, i) => i !== at);
  const shape = without(value!.shape);
  return Array.from({ length: value!.shape[at]! }, (_, index) => {
    const read = { start: index * strides[at]!, strides: without(strides) };
    return backend.output(gathered(backend, backend.handleOf(value!), shape, read), shape, value!.dtype);
  });
};

const tile: Run = ({ inputs: { x }, attrs: { reps }, backend }) => {
  const repeats = reps as number[];
  checkSizes("Tile", repeats);
  if (repeats.length !== x!.shape.length) throw new Error(`Tile: [${repeats}] does not fit [${x!.shape}]`);
  const shape = x!.shape.map((size, i) => size * repeats[i]!);
  // Each dimension becomes two, repeats before elements; a repeat has stride 0 in x.
  const split = x!.shape.flatMap((size, i) => [repeats[i]!, size]);
  const strides = stridesOf(x!.shape).flatMap((stride) => [0, stride]);
  return backend.output(gathered(backend, backend.handleOf(x!), split, { strides }), shape, x!.dtype);
};

const pad: Run = ({ inputs: { x }, attrs: { paddings, constantValue }, backend }) => {
  const margins = paddings as [number, number][];
  checkSizes("PadV2", margins.flat());
  if (margins.length !== x!.shape.length || margins.some((margin) => margin.length !== 2)) {
    throw new Error(`PadV2: expected two paddings for each dimension of [${x!.shape}], got ${margins.length}`);
  }
  const shape = x!.shape.map((size, i) => size + margins[i]![0] + margins[i]![1]);
  const write = stridesOf(shape);
  const kind = backend.engine.kind(backend.handleOf(x!));
  const narrow = kind === backend.kinds.bf16;
  const to = backend.engine.fill(narrow ? backend.kinds.f32! : kind, sizeOf(shape), constantValue);
  const from = narrow ? backend.engine.storedAs(backend.handleOf(x!), backend.kinds.f32!) : backend.handleOf(x!);
  const start = dot(
    margins.map(([before]) => before),
    write,
  );
  copy(
    backend,
    { from, to, shape: x!.shape },
    { read: { strides: stridesOf(x!.shape) }, write: { start, strides: write } },
  );
  if (narrow) backend.engine.free(from);
  return backend.output(to, shape, x!.dtype);
};

const reverse: Run = ({ inputs: { x }, attrs: { dims }, backend }) => {
  const axes = axesOf("Reverse", dims, x!.shape);
  const strides = stridesOf(x!.shape);
  if (sizeOf(x!.shape) === 0) return backend.share(x!, x!.shape);
  const start = axes.reduce((sum, axis) => sum + (x!.shape[axis]! - 1) * strides[axis]!, 0);
  const read = { start, strides: strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)) };
  return backend.output(gathered(backend, backend.handleOf(x!), x!.shape, read), x!.shape, x!.dtype);
};

export const layoutKernels: Kernels = {
  ...taking(["float32", "int32", "bool", "string", "complex64"], {
    Identity: identity,
    Reshape: reshape,
    ExpandDims: expandDims,
  }),
  ...taking(ANY, {
    Transpose: transpose,
    Slice: slice,
    SplitV: splitV,
    Concat: concat,
    Pack: pack,
    Unpack: unpack,
    Tile: tile,
    PadV2: pad,
    Reverse: reverse,
  }),
};
