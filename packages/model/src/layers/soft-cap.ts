/** Keeps values within a cap without a kink: cap * tanh(x / cap) (Bello et al. 2016; Gemma 2). */
import * as tf from "@tensorflow/tfjs";

/** x of any shape -> the same shape, within -cap and cap. x itself without a cap. */
export const softCap = (x: tf.Tensor, cap: number | undefined): tf.Tensor =>
  cap === undefined ? x : tf.tidy(() => tf.mul(tf.tanh(tf.div(x, cap)), cap));
