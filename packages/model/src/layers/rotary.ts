/** Rotary position embeddings (Su et al. 2021) in Llama's layout: coordinate pairs are the two halves of a head. */
import { constant } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { dependsOnLength, type RotaryScaling, scaledFrequencies } from "./rotary-scaling.ts";

/** Cosines and sines of every token's angles, each [B, T, D/2]. */
export interface RotaryTables {
  rotaryCosines: tf.Tensor;
  rotarySines: tf.Tensor;
}

/**
 * Tables for positions int32 [B, T]: angle i of D = `dimension` coordinates, which may be fewer than a head has, is position *
 * theta^(-2i / D). Where the scaling depends on the length of the text, that is the largest position here plus one.
 */
export function rotaryTables(
  positions: tf.Tensor,
  { dimension, theta, scaling }: { dimension: number; theta: number; scaling?: RotaryScaling },
): RotaryTables {
  const plain = Array.from({ length: dimension / 2 }, (_, i) => theta ** ((-2 * i) / dimension));
  const textLength = scaling && dependsOnLength(scaling) ? lengthOf(positions) : 0;
  const frequencies = Float32Array.from(scaling ? scaledFrequencies(plain, { scaling, theta, textLength }) : plain);
  const places = tf.expandDims(tf.cast(positions, "float32"), -1);
  const angles = tf.mul(
    places,
    constant(() => tf.tensor1d(frequencies)),
  );
  const attentionFactor = scaling && "attentionFactor" in scaling ? scaling.attentionFactor : 1;
  if (attentionFactor === 1) return { rotaryCosines: tf.cos(angles), rotarySines: tf.sin(angles) };
  return {
    rotaryCosines: tf.mul(tf.cos(angles), attentionFactor),
    rotarySines: tf.mul(tf.sin(angles), attentionFactor),
  };
}

function lengthOf(positions: tf.Tensor): number {
  let last = 0;
  for (const position of positions.dataSync()) last = Math.max(last, position);
  return last + 1;
}
