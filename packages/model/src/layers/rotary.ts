/** Rotary position embeddings (Su et al. 2021) in Llama's layout: coordinate pairs are the two halves of a head. */
import * as tf from "@tensorflow/tfjs";
import { type RotaryScaling, scaledFrequencies } from "./rotary-scaling.ts";

/** Cosines and sines of every token's angles, each [B, T, 1, D/2]. */
export interface RotaryTables {
  rotaryCosines: tf.Tensor;
  rotarySines: tf.Tensor;
}

/** Tables for positions int32 [B, T]: angle i of a head is position * theta^(-2i / D). */
export function rotaryTables(
  positions: tf.Tensor,
  { headSize, theta, scaling }: { headSize: number; theta: number; scaling?: RotaryScaling },
): RotaryTables {
  const plain = Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  const frequencies = Float32Array.from(scaling ? scaledFrequencies(plain, { scaling, theta }) : plain);
  const places = tf.expandDims(tf.expandDims(tf.cast(positions, "float32"), -1), -1);
  const angles = tf.mul(places, tf.tensor1d(frequencies));
  if (scaling?.type !== "yarn") return { rotaryCosines: tf.cos(angles), rotarySines: tf.sin(angles) };
  const { attentionFactor } = scaling;
  return {
    rotaryCosines: tf.mul(tf.cos(angles), attentionFactor),
    rotarySines: tf.mul(tf.sin(angles), attentionFactor),
  };
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
