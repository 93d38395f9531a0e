/** Stored floats as typed arrays: F32, F16 and BF16 as they are, and widened to float32. Every one is exact in float32. */
import { userError } from "./errors.ts";
import { bfloat16ToFloat, halfToFloat } from "./narrow-floats.ts";
import type { Dtype } from "./tensor-entry.ts";

/** Element types that weights have in a checkpoint. */
export type FloatDtype = "F32" | "F16" | "BF16";

/** Values of one element type; 16-bit floats are words. */
export interface StoredFloats {
  dtype: FloatDtype;
  values: Float32Array | Uint16Array;
}

/**
 * The element type in a checkpoint of a weight that another file has as `dtype`: the same, but F32 for F64.
 * @throws CheckpointError for types that weights cannot have
 */
export function floatDtype(dtype: Dtype, name: string): FloatDtype {
  if (dtype === "F32" || dtype === "F16" || dtype === "BF16") return dtype;
  if (dtype === "F64") return "F32";
  const kind = dtype.startsWith("F8") ? ", a quantized type" : "";
  throw userError(`${name} is ${dtype}${kind}; weights must be F64, F32, F16 or BF16`);
}

/** The values in the bytes of a tensor, which are not copied unless they are F64. Throws a CheckpointError. */
export function storedFloats(bytes: Uint8Array, { dtype: found, name }: { dtype: Dtype; name: string }): StoredFloats {
  const { buffer, byteOffset, byteLength } = bytes;
  const dtype = floatDtype(found, name);
  if (found === "F64")
    return { dtype, values: Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8)) };
  const isFloat32 = dtype === "F32";
  return {
    dtype,
    values: isFloat32
      ? new Float32Array(buffer, byteOffset, byteLength / 4)
      : new Uint16Array(buffer, byteOffset, byteLength / 2),
  };
}

/** The values as float32. */
export function widen({ dtype, values }: StoredFloats): Float32Array {
  if (values instanceof Float32Array) return values;
  return Float32Array.from(values, dtype === "F16" ? halfToFloat : bfloat16ToFloat);
}

/** The bytes of values. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
