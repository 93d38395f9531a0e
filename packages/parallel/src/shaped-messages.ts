/** Tensors of any shape from one rank to another, float32 or as bfloat16, whichever they are stored as: a header goes before each. */
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "./communicator.ts";
import { wireOf } from "./communicators/tensor-message.ts";

/** Numbers of the header: how many tensors follow this one, the wire, the number of dimensions, and their lengths. */
const HEADER_LENGTH = 9;

/** Bytes of the header of each tensor. */
export const SHAPED_HEADER_BYTES: number = 4 * HEADER_LENGTH;

/** Sends float32 tensors of up to six dimensions to a rank, which calls {@link receiveAllShaped}. Does not wait for it. */
export function sendAllShaped(axis: Communicator, tensors: readonly tf.Tensor[], to: number): void {
  tensors.forEach((tensor, index) => {
    const wire = wireOf(tensor);
    const header = new Int32Array(HEADER_LENGTH);
    header.set([tensors.length - index - 1, wire === "bf16" ? 1 : 0, tensor.rank, ...tensor.shape]);
    tf.tidy(() => axis.send(tf.tensor1d(header, "int32"), to));
    axis.send(tensor, to, { wire });
  });
}

/** Receives the tensors, at least one, that a rank sends by {@link sendAllShaped}. */
export function receiveAllShaped(axis: Communicator, from: number): tf.Tensor[] {
  const header = tf.tidy(() => axis.receive([HEADER_LENGTH], from, { dtype: "int32" }).dataSync());
  const [following = 0, isNarrow = 0, rank = 0] = header;
  const tensor = axis.receive([...header.slice(3, 3 + rank)], from, { wire: isNarrow === 1 ? "bf16" : "f32" });
  return following > 0 ? [tensor, ...receiveAllShaped(axis, from)] : [tensor];
}

/** Sends one tensor to a rank, which calls {@link receiveShaped}. */
export const sendShaped = (axis: Communicator, tensor: tf.Tensor, to: number): void =>
  sendAllShaped(axis, [tensor], to);

/** Receives the tensor that a rank sends by {@link sendShaped}. */
export const receiveShaped = (axis: Communicator, from: number): tf.Tensor => receiveAllShaped(axis, from)[0]!;
