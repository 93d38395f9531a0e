/** Weights under foreign names and layouts (Hugging Face's) as a source for our parameters, one tensor at a time. */
import type { ForeignWeight } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "./errors.ts";
import { bfloat16ToFloat, halfToFloat } from "./narrow-floats.ts";
import type { Dtype, TensorDescription } from "./tensor-entry.ts";

/** What is needed of a file of tensors. */
export interface TensorReader {
  info(name: string): TensorDescription;
  read(name: string): Uint8Array;
}

/** The values of one of our weights, in our layout [out, in], from where it lies in a foreign file. */
export function readForeignWeight(
  reader: TensorReader,
  { name, transposed = false, part, shape: expected }: ForeignWeight,
): { values: Float32Array; shape: number[] } {
  const { dtype, shape: found } = reader.info(name);
  if (expected && !tf.util.arraysEqual([...found], [...expected])) {
    throw userError(`${name} is [${found}], but must be [${expected}]`);
  }
  const shape = expected ? [found[0]!, tf.util.sizeFromShape(found.slice(1))] : found;
  const all = toFloats(reader.read(name), { dtype, name });
  const columns = shape[shape.length - 1] ?? 1;
  const rows = all.length / columns;
  const width = part ? columns / part.count : columns;
  const first = part ? part.index * width : 0;
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const value = all[row * columns + first + column]!;
      values[transposed ? column * rows + row : row * width + column] = value;
    }
  }
  const own = [...shape.slice(0, -1), width];
  return { values, shape: transposed ? own.reverse() : own };
}

/** Values of a stored tensor, widened where it is narrower than float32. */
function toFloats(bytes: Uint8Array, { dtype, name }: { dtype: Dtype; name: string }): Float32Array {
  const words = () => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    case "F16":
      return Float32Array.from(words(), halfToFloat);
    case "BF16":
      return Float32Array.from(words(), bfloat16ToFloat);
    default:
      throw userError(`${name} is ${dtype}: weights can be F32, F16 or BF16`);
  }
}

/** A source that reads every declared weight through a map of names. Throws a CheckpointError where one does not fit. */
export function foreignSource(reader: TensorReader, names: ReadonlyMap<string, ForeignWeight>): ParameterSource {
  return ({ name, globalShape }) => {
    const foreign = names.get(name);
    if (!foreign) throw userError(`the foreign format has no weight for ${name}`);
    const { values, shape } = readForeignWeight(reader, foreign);
    if (!tf.util.arraysEqual(shape, [...globalShape])) {
      throw userError(`${foreign.name} gives [${shape}], but ${name} must be [${globalShape}]`);
    }
    return tf.keep(tf.tensor(values, shape));
  };
}
