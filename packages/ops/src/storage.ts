/**
 * How tensors are stored: their bytes, and the storage type behind the logical type float32. Backends that can store
 * narrower types implement `StorageBackend`; every other backend stores f32 only.
 */
import * as tf from "@tensorflow/tfjs";

/** How the elements of a float32 tensor are stored. */
export type Storage = "f32" | "bf16";

/** The precision of matrix products and saved activations. Weights and sums stay f32. */
export type Precision = "f32" | "bf16";

/** What a backend with narrower storage types implements besides TensorFlow.js's KernelBackend. */
export interface StorageBackend {
  storageOf(dataId: object): Storage;
  store(dataId: object, storage: Storage): void;
  setPrecision(precision: Precision): Precision;
}

function storageBackend(): StorageBackend | null {
  // Any backend may implement the interface; TensorFlow.js's type knows nothing of it.
  const backend = tf.backend() as unknown as Partial<StorageBackend>;
  return typeof backend.setPrecision === "function" ? (backend as StorageBackend) : null;
}

/** The storage type of a float32 tensor. */
export function storageOf(tensor: tf.Tensor): Storage {
  return storageBackend()?.storageOf(tensor.dataId) ?? "f32";
}

/** Changes the storage type of a float32 tensor, in place. Throws an Error if the backend stores f32 only. */
export function store(tensor: tf.Tensor, storage: Storage): void {
  const backend = storageBackend();
  if (backend) backend.store(tensor.dataId, storage);
  else if (storage !== "f32") throw new Error(`the backend ${tf.getBackend()} stores f32 only, not ${storage}`);
}

/** Runs f with matrix products in the given precision. Throws an Error if the backend computes in f32 only. */
export function withPrecision<T>(precision: Precision, f: () => T): T {
  const backend = storageBackend();
  if (!backend) {
    if (precision !== "f32") throw new Error(`the backend ${tf.getBackend()} computes in f32 only, not ${precision}`);
    return f();
  }
  const previous = backend.setPrecision(precision);
  try {
    return f();
  } finally {
    backend.setPrecision(previous);
  }
}

/** The values of a tensor as little-endian bytes, 4 bytes per value (float32 or int32). */
export function toBytes(tensor: tf.Tensor): Uint8Array {
  const values = tensor.dataSync() as Float32Array | Int32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/** A tensor from bytes: the inverse of `toBytes`. */
export function fromBytes(
  bytes: Uint8Array,
  { shape, dtype = "float32" }: { shape: readonly number[]; dtype?: "float32" | "int32" },
): tf.Tensor {
  const aligned = bytes.slice().buffer;
  const values = dtype === "int32" ? new Int32Array(aligned) : new Float32Array(aligned);
  return tf.tensor(values, [...shape], dtype);
}
