/** Reads weights that have other names and layouts (Hugging Face's) as our parameters, one tensor at a time. */
import type { ForeignWeight } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "./errors.ts";
import { type StoredFloats, storedFloats, widen } from "./stored-floats.ts";
import type { TensorReader } from "./tensor-reader.ts";

/** The part of a {@link TensorReader} that reads single tensors. */
export type TensorSource = Pick<TensorReader, "info" | "read">;

/**
 * Reads one of our weights, in our layout [out, in], from the tensor of a foreign file that contains it.
 * @throws CheckpointError for another shape, or an element type that weights cannot have
 */
export function readForeignWeight(
  reader: TensorSource,
  weight: ForeignWeight,
): { values: Float32Array; shape: number[] } {
  const { shape, ...stored } = readForeignFloats(reader, weight);
  return { values: widen(stored), shape };
}

/** As {@link readForeignWeight}, with the values in the element type that they are stored in; F64 becomes F32. */
export function readForeignFloats(
  reader: TensorSource,
  { name, transposed = false, part, rows: ownRows, vector, shape: expected }: ForeignWeight,
): StoredFloats & { shape: number[] } {
  const { dtype: found, shape: theirs } = reader.info(name);
  if (expected && !tf.util.arraysEqual([...theirs], [...expected])) {
    throw userError(`${name} is [${theirs}], expected [${expected}]`);
  }
  if (ownRows) return readRows(reader, { name, rows: ownRows });
  const shape = expected ? [theirs[0]!, tf.util.sizeFromShape(theirs.slice(1))] : theirs;
  const { dtype, values: all } = storedFloats(reader.read(name), { dtype: found, name });
  const columns = shape[shape.length - 1] ?? 1;
  const rows = all.length / columns;
  const width = part ? columns / part.count : columns;
  const first = part ? part.index * width : 0;
  const values = new (dtype === "F32" ? Float32Array : Uint16Array)(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const value = all[row * columns + first + column]!;
      values[transposed ? column * rows + row : row * width + column] = value;
    }
  }
  if (vector) return { dtype, values, shape: [values.length] };
  const own = [...shape.slice(0, -1), width];
  return { dtype, values, shape: transposed ? own.reverse() : own };
}

/** Rows of a fused weight, in their own layout. */
function readRows(
  reader: TensorSource,
  { name, rows: { first, count } }: { name: string; rows: NonNullable<ForeignWeight["rows"]> },
): StoredFloats & { shape: number[] } {
  const { dtype: found, shape } = reader.info(name);
  const width = tf.util.sizeFromShape(shape.slice(1));
  const { dtype, values } = storedFloats(reader.read(name), { dtype: found, name });
  const own = values.slice(first * width, (first + count) * width);
  return { dtype, values: own, shape: [count, ...shape.slice(1)] };
}

/** Whether two tensors have the same shape and values. */
export function haveSameValues(reader: TensorSource, a: string, b: string): boolean {
  const [first, second] = [reader.info(a), reader.info(b)];
  if (first.shape.join() !== second.shape.join()) return false;
  const left = widen(storedFloats(reader.read(a), { dtype: first.dtype, name: a }));
  const right = widen(storedFloats(reader.read(b), { dtype: second.dtype, name: b }));
  return left.every((value, index) => value === right[index]);
}

/** Throws a CheckpointError that names the tensor if a value is NaN or infinite. */
export function requireFinite(values: Float32Array, name: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw userError(`${name}: a weight is ${values[at]}: NaN and infinite weights are not imported`);
}

/**
 * Creates a source of parameters that reads every declared weight through a map of names.
 * @throws CheckpointError (the source) for a weight that is missing or of another shape
 */
export function foreignSource(reader: TensorSource, names: ReadonlyMap<string, ForeignWeight>): ParameterSource {
  return ({ name, globalShape }) => {
    const foreign = names.get(name);
    if (!foreign) throw userError(`the file format has no tensor for ${name}`);
    const { values, shape } = readForeignWeight(reader, foreign);
    if (!tf.util.arraysEqual(shape, [...globalShape])) {
      throw userError(`${foreign.name} has shape [${shape}], but ${name} must be [${globalShape}]`);
    }
    return tf.keep(tf.tensor(values, shape));
  };
}
