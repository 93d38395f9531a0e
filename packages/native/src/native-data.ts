/** What lies behind a tensor's data id: a handle of the engine, or values that stay in JavaScript. */
import type * as tf from "@tensorflow/tfjs";

/** Names a tensor of the engine; -1 stands for one that is absent. */
export type Handle = number;

/** Strings and complex numbers: the engine has neither. */
export type HostValues = Uint8Array[] | string[] | Float32Array;

export interface NativeData {
  /** -1 once freed, and where the values are in JavaScript. */
  handle: Handle;
  readonly host: HostValues | null;
  readonly dtype: tf.DataType;
  /** Bytes told to the garbage collector. */
  bytes: number;
  refCount: number;
}

/** The data id that tfjs sees. */
export class NativeDataId {
  constructor(readonly data: NativeData) {}
}

/** The element kinds of the engine by tfjs type; others stay in JavaScript. */
export const KIND_OF = { float32: "f32", int32: "i32", bool: "u8" } as const;

export const isHostType = (dtype: tf.DataType): boolean => dtype === "string" || dtype === "complex64";
