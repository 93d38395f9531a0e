/** The logits of a whole vocabulary, of which each rank of the tensor axis has computed a slice: what decoding chooses tokens from. */
import * as tf from "@tensorflow/tfjs";
import type { Mesh } from "./mesh.ts";

/**
 * Logits [..., V] with the same bits on all ranks, from this rank's slice of the vocabulary; all of them call it. They come as they are
 * where the vocabulary is not split. Has no gradient: losses use `vocabularyParallelCrossEntropy`, which gathers none.
 */
export function wholeLogits(
  logits: tf.Tensor,
  { mesh: { tensor: axis }, vocabularySize }: { mesh: Pick<Mesh, "tensor">; vocabularySize: number },
): tf.Tensor {
  if (axis.size === 1) return logits;
  return tf.tidy(() => {
    const rows = tf.reshape(logits, [-1, logits.shape.at(-1)!]) as tf.Tensor2D;
    // The last ranks may have fewer columns.
    const missing = Math.ceil(vocabularySize / axis.size) - rows.shape[1];
    const gathered = axis.allGather(
      tf.pad(rows, [
        [0, 0],
        [0, missing],
      ]),
      1,
      { wire: "f32" },
    );
    const whole = tf.slice(gathered, [0, 0], [rows.shape[0], vocabularySize]);
    return tf.reshape(whole, [...logits.shape.slice(0, -1), vocabularySize]);
  });
}
