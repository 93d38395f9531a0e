/** Stored tensors: a name, an element type, a shape, and bytes in row-major order, little-endian. */

/** Bytes per element, in the order in which the reference implementation lays tensors out in a file. */
export const dtypeBytes = {
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  F8_E8M0: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** An element type of safetensors. */
export type Dtype = keyof typeof dtypeBytes;

/** Element type and shape of a tensor. */
export interface TensorDescription {
  dtype: Dtype;
  shape: readonly number[];
}

/** Where a box is in the tensor that it is of: its first index, and the shape of the whole. */
export interface TensorBox {
  origin: readonly number[];
  of: readonly number[];
}

/**
 * A tensor to write. `bytes` is called once, just before it is written, so that only one tensor is in memory. With `box`, the shape and
 * the bytes are those of a box of the tensor, whose others are entries of their own or of other ranks; an empty box writes nothing.
 */
export type TensorEntry = TensorDescription & { name: string; bytes: () => Uint8Array; box?: TensorBox };

/** Whether a value names an element type of safetensors. */
export function isDtype(value: unknown): value is Dtype {
  return typeof value === "string" && Object.hasOwn(dtypeBytes, value);
}

/** Number of elements of a tensor; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Number of bytes of a tensor. */
export function byteLengthOf(tensor: TensorDescription): number {
  return elementCount(tensor.shape) * dtypeBytes[tensor.dtype];
}
