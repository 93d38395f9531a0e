/** What a stored tensor is: a name, an element type, a shape, and bytes in row-major order, little-endian. */

/** Bytes per element; the order is the one in which the reference implementation lays tensors out in a file. */
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

export type Dtype = keyof typeof dtypeBytes;

export interface TensorDescription {
  dtype: Dtype;
  shape: readonly number[];
}

/** A tensor to be written. `bytes` is called once, when its turn comes, so that one tensor at a time is in memory. */
export type TensorEntry = TensorDescription & { name: string; bytes: () => Uint8Array };

export function isDtype(value: unknown): value is Dtype {
  return typeof value === "string" && Object.hasOwn(dtypeBytes, value);
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function byteLengthOf(tensor: TensorDescription): number {
  return elementCount(tensor.shape) * dtypeBytes[tensor.dtype];
}
