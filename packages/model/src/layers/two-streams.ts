/**
 * Two-stream attention (Yang et al. 2019, section 2.3). The content stream encodes the tokens; the query stream has one
 * row per target and encodes only its position. Both attend to the content stream under a permutation mask, so they run
 * as one sequence [content; query] of T + M rows, of which the first T are the keys.
 */
import * as tf from "@tensorflow/tfjs";

/** The rows of x [B, T, ...] at targets, int32 [B, M]: [B, M, ...]. Not differentiable. */
export function rowsAt(x: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [batchSize, tokens, ...rest] = x.shape as [number, number, ...number[]];
    // Without gather's batch dimensions, which the wasm backend gets wrong after the first row.
    const starts = tf.reshape(tf.range(0, batchSize * tokens, tokens, "int32"), [batchSize, 1]);
    const places = tf.reshape(tf.add(targets, starts), [-1]) as tf.Tensor1D;
    return tf.reshape(tf.gather(tf.reshape(x, [-1, ...rest]), places), [...targets.shape, ...rest]);
  });
}

/**
 * The mask of both streams as a bias on scores: [B, H, T + M, past + T], 0 or -Infinity. A window also masks tokens more
 * than window / 2 positions away. The `past` keys before the tokens are visible to all.
 */
export function permutationBias(
  { permutationMask, targets }: { permutationMask: tf.Tensor; targets?: tf.Tensor | null },
  { numHeads, window, past = 0 }: { numHeads: number; window?: number | null; past?: number },
): tf.Tensor {
  return tf.tidy(() => {
    const [batchSize, tokens] = permutationMask.shape as [number, number, number];
    const mask = tf.cast(permutationMask, "float32");
    const content = tf.mul(mask, tf.sub(1, tf.expandDims(tf.eye(tokens), 0)));
    const itself = () => tf.oneHot(targets as tf.Tensor2D, tokens, 1, 0, "float32");
    const both = targets ? tf.concat([content, tf.maximum(rowsAt(mask, targets), itself())], 1) : content;
    const near = window == null ? both : tf.maximum(both, beyond(window, { batchSize, tokens, targets }));
    const whole = past === 0 ? near : tf.concat([tf.zeros([batchSize, near.shape[1]!, past]), near], 2);
    const shape = [batchSize, numHeads, whole.shape[1]!, past + tokens];
    return tf.where(
      tf.broadcastTo(tf.greater(tf.expandDims(whole, 1), 0), shape),
      tf.fill(shape, Number.NEGATIVE_INFINITY),
      tf.zeros(shape),
    );
  });
}

/** 1 for keys outside the window of a row: [B, T + M, T]. */
function beyond(
  window: number,
  { batchSize, tokens, targets }: { batchSize: number; tokens: number; targets?: tf.Tensor | null },
): tf.Tensor {
  const keys = tf.range(0, tokens, 1, "int32");
  const everywhere = tf.tile(tf.expandDims(keys, 0), [batchSize, 1]);
  const places = targets ? tf.concat([everywhere, targets], 1) : everywhere;
  const distance = tf.abs(tf.sub(tf.expandDims(places, -1), tf.reshape(keys, [1, 1, tokens])));
  return tf.cast(tf.greater(distance, Math.floor(window / 2)), "float32");
}

/** The two streams of states [B, T + M, h]: content [B, T, h] and query [B, M, h]. */
export function splitStreams(states: tf.Tensor, { tokens }: { tokens: number }) {
  const [hidden, query] = tf.split(states, [tokens, states.shape[1]! - tokens], 1) as [tf.Tensor, tf.Tensor];
  return { hidden, query };
}

/** Ranges of keys int32 [B, T, 2] -> [B, T, S]: 1 for keys outside a token's range. */
export function outsideOf(ranges: tf.Tensor, { keys }: { keys: number }): tf.Tensor {
  return tf.tidy(() => {
    const [from, to] = tf.split(ranges, 2, -1) as [tf.Tensor, tf.Tensor];
    const key = tf.reshape(tf.range(0, keys, 1, "int32"), [1, 1, keys]);
    return tf.cast(tf.logicalOr(tf.less(key, from), tf.greaterEqual(key, to)), "float32");
  });
}
