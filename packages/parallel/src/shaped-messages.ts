/** Tensors of any shape from one rank to another, float32 or as bfloat16, whichever they are stored as: a header goes first. */
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "./communicator.ts";
import { wireOf } from "./communicators/tensor-message.ts";

/** Numbers of the header: the wire, the number of dimensions, and their lengths. */
const HEADER_LENGTH = 8;

/** Bytes of the header of a message. */
export const SHAPED_HEADER_BYTES: number = 4 * HEADER_LENGTH;

/** Sends a float32 tensor of up to six dimensions to a rank, which calls {@link receiveShaped}. Does not wait for it. */
export function sendShaped(axis: Communicator, tensor: tf.Tensor, to: number): void {
  const wire = wireOf(tensor);
  const header = new Int32Array(HEADER_LENGTH);
  header.set([wire === "bf16" ? 1 : 0, tensor.rank, ...tensor.shape]);
  tf.tidy(() => axis.send(tf.tensor1d(header, "int32"), to));
  axis.send(tensor, to, { wire });
}

/** Receives the tensor that a rank sends by {@link sendShaped}. */
export function receiveShaped(axis: Communicator, from: number): tf.Tensor {
  const header = tf.tidy(() => axis.receive([HEADER_LENGTH], from, { dtype: "int32" }).dataSync());
  const [isNarrow = 0, rank = 0] = header;
  return axis.receive([...header.slice(2, 2 + rank)], from, { wire: isNarrow === 1 ? "bf16" : "f32" });
}
