/**
 * How tensors lie in memory: their bytes, and the storage type under the logical float32. Backends that can store
 * narrower types implement `StorageBackend`; on every other one everything is f32.
 */
import * as tf from "@tensorflow/tfjs";

export type Storage = "f32" | "bf16";

/** What matrix products and saved activations are computed and stored in. Weights and sums stay f32. */
export type Precision = "f32" | "bf16";

/** What a backend with narrower storage adds to TensorFlow.js's KernelBackend. */
export interface StorageBackend {
  storageOf(dataId: object): Storage;
  store(dataId: object, storage: Storage): void;
  setPrecision(precision: Precision): Precision;
}

function storageBackend(): StorageBackend | null {
  const backend = tf.backend() as unknown as Partial<StorageBackend>;
  return typeof backend.setPrecision === "function" ? (backend as StorageBackend) : null;
}

/** The storage type of a float32 tensor. */
export function storageOf(tensor: tf.Tensor): Storage {
  return storageBackend()?.storageOf(tensor.dataId) ?? "f32";
}

/** Changes the storage of a tensor, in place. Throws where the backend only has f32. */
export function store(tensor: tf.Tensor, storage: Storage): void {
  const backend = storageBackend();
  if (backend) backend.store(tensor.dataId, storage);
  else if (storage !== "f32") throw new Error(`the backend ${tf.getBackend()} stores f32 only, not ${storage}`);
}

/** Runs f with matrix products in the given precision. Throws where the backend only has f32. */
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

/** The values of a tensor as little-endian bytes: 4 a value, f32 or int32. */
export function toBytes(tensor: tf.Tensor): Uint8Array {
  const values = tensor.dataSync() as Float32Array | Int32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/** A tensor of these bytes. The inverse of `toBytes`. */
export function fromBytes(
  bytes: Uint8Array,
  { shape, dtype = "float32" }: { shape: readonly number[]; dtype?: "float32" | "int32" },
): tf.Tensor {
  const aligned = bytes.slice().buffer;
  const values = dtype === "int32" ? new Int32Array(aligned) : new Float32Array(aligned);
  return tf.tensor(values, [...shape], dtype);
}
