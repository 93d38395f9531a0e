/** The data of a tensor: a handle of the engine, or values that stay in JavaScript. */
import type * as tf from "@tensorflow/tfjs";

/** Identifies a tensor of the engine; -1 if there is none. */
export type Handle = number;

/** Strings and complex numbers, which the engine does not support. */
export type HostValues = Uint8Array[] | string[] | Float32Array;

/** The data that tensors share. */
export interface NativeData {
  /** -1 once freed, or if the values are in JavaScript. */
  handle: Handle;
  readonly host: HostValues | null;
  readonly dtype: tf.DataType;
  /** Bytes reported to the garbage collector. */
  bytes: number;
  refCount: number;
}

/** The data id that tfjs sees. */
export class NativeDataId {
  constructor(readonly data: NativeData) {}
}

/** The element kinds of the engine by tfjs type; others stay in JavaScript. */
export const KIND_OF = { float32: "f32", int32: "i32", bool: "u8" } as const;

/** Whether values of the type stay in JavaScript. */
export function isHostType(dtype: tf.DataType): boolean {
  return dtype === "string" || dtype === "complex64";
}
