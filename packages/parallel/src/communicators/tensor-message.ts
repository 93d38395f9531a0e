/** Tensors as the bytes of a message, float32 ones in either wire format. */
import { fromBytes, storageOf, store, toBytes } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { fromBfloat16, toBfloat16 } from "./bfloat16.ts";
import { bytesOf, type Wire } from "./reduce.ts";

/** What a tensor is known by on the other side. */
interface TensorType {
  shape: number[];
  dtype: string;
}

/** The format that a tensor travels in: by default that in which it is stored. */
export const wireOf = (tensor: tf.Tensor, wire?: Wire): Wire =>
  tensor.dtype === "float32" ? (wire ?? storageOf(tensor)) : "f32";

/** The values of a float32 or int32 tensor, 4 bytes each, or 2 for bf16. */
export function encode(tensor: tf.Tensor, wire: Wire): Uint8Array {
  if (wire === "f32") return toBytes(tensor);
  return bytesOf(toBfloat16(tensor.dataSync() as Float32Array));
}

/** The tensor of a message. One that travelled as bf16 is stored so, where the backend can. */
export function decode(bytes: Uint8Array, { like, wire }: { like: TensorType; wire: Wire }): tf.Tensor {
  const { shape } = like;
  if (wire === "f32") return fromBytes(bytes, { shape, dtype: like.dtype === "int32" ? "int32" : "float32" });
  const values = new Float32Array(bytes.length / 2);
  fromBfloat16(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), values);
  return narrow(tf.tensor(values, shape, "float32"));
}

/** Stores a float32 tensor as bf16, where the backend can; its values are rounded already. */
export function narrow(tensor: tf.Tensor): tf.Tensor {
  if ("setPrecision" in tf.backend()) store(tensor, "bf16");
  return tensor;
}
