/** Rotary position embeddings (Su et al. 2021) in Llama's layout: coordinate pairs are the two halves of a head. */
import * as tf from "@tensorflow/tfjs";

/** Cosines and sines of every token's angles, each [B, T, 1, D/2]. */
export interface RotaryTables {
  rotaryCosines: tf.Tensor;
  rotarySines: tf.Tensor;
}

/** Tables for positions int32 [B, T]: angle i of a head is position * theta^(-2i / D). */
export function rotaryTables(
  positions: tf.Tensor,
  { headSize, theta }: { headSize: number; theta: number },
): RotaryTables {
  const frequencies = Float32Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  const places = tf.expandDims(tf.expandDims(tf.cast(positions, "float32"), -1), -1);
  const angles = tf.mul(places, tf.tensor1d(frequencies));
  return { rotaryCosines: tf.cos(angles), rotarySines: tf.sin(angles) };
}

/** Rotates each pair of coordinates of x [B, T, H, D] by its token's angle. */
export function rotate(x: tf.Tensor, { rotaryCosines, rotarySines }: RotaryTables): tf.Tensor {
  const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
  return tf.concat(
    [
      tf.sub(tf.mul(first, rotaryCosines), tf.mul(second, rotarySines)),
      tf.add(tf.mul(second, rotaryCosines), tf.mul(first, rotarySines)),
    ],
    -1,
  );
}
