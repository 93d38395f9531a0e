/** The parts of TensorFlow.js's wasm backend that its declarations leave out. */
import type * as tf from "@tensorflow/tfjs";

export interface WasmBackend {
  wasm: { _malloc(bytes: number): number; _free(address: number): void };
  incRef(dataId: object): void;
  disposeData(dataId: object): boolean;
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  /** The memory itself, until the next allocation moves it. */
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}
