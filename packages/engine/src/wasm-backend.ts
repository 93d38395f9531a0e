/** The parts of TensorFlow.js's wasm backend that its own types leave out. */
import type * as tf from "@tensorflow/tfjs";

/** The backend, as its kernels use it. */
export interface WasmBackend {
  wasm: { _malloc(bytes: number): number; _free(address: number): void };
  incRef(dataId: object): void;
  disposeData(dataId: object): boolean;
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  /** A view of the memory itself, valid until the next allocation. */
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}
