/**
 * Two-stream attention (Yang et al. 2019, section 2.3). The content stream knows the tokens; the query stream, one row a
 * target, knows only where its target stands. Both attend to the content stream under a permutation's mask, so they run
 * as one sequence [content; query] of T + M rows whose first T are the keys.
 */
import * as tf from "@tensorflow/tfjs";

export interface PermutedInput {
  /** int32 [B, T] */
  tokens: tf.Tensor;
  /** int32 [B, T]; counted from 0 unless given. */
  positions?: tf.Tensor;
  /**
   * [B, T, T]: 1 where token i may not see token j, 0 where it may. The content stream sees itself and the query stream
   * does not, whatever stands here.
   */
  blocked: tf.Tensor;
  /** int32 [B, M]: the places that are predicted. */
  targets: tf.Tensor;
}

export interface Streams {
  /** [B, T, h] */
  content: tf.Tensor;
  /** [B, M, h]: what the targets are predicted from. */
  query: tf.Tensor;
}

/** One row of each target: of x [B, T, ...], at targets int32 [B, M]. Not differentiable. [B, M, ...] */
export function rowsAt(x: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [batchSize, tokens, ...rest] = x.shape as [number, number, ...number[]];
    // Not by gather's batch dimensions, which the wasm backend gets wrong beyond the first row.
    const starts = tf.reshape(tf.range(0, batchSize * tokens, tokens, "int32"), [batchSize, 1]);
    const places = tf.reshape(tf.add(targets, starts), [-1]) as tf.Tensor1D;
    return tf.reshape(tf.gather(tf.reshape(x, [-1, ...rest]), places), [...targets.shape, ...rest]);
  });
}

/**
 * What both streams may not see, as a bias on scores: [B, H, T + M, T], 0 or -Infinity. With a window, tokens more than
 * window / 2 places away are hidden as well.
 */
export function permutationBias(
  { blocked, targets }: Pick<PermutedInput, "blocked" | "targets">,
  { numHeads, window }: { numHeads: number; window?: number | null },
): tf.Tensor {
  return tf.tidy(() => {
    const [batchSize, tokens] = blocked.shape as [number, number, number];
    const mask = tf.cast(blocked, "float32");
    const itself = tf.expandDims(tf.eye(tokens), 0);
    const content = tf.mul(mask, tf.sub(1, itself));
    const query = tf.maximum(rowsAt(mask, targets), tf.oneHot(targets as tf.Tensor2D, tokens, 1, 0, "float32"));
    const both = tf.concat([content, query], 1);
    const hidden = tf.greater(window == null ? both : tf.maximum(both, beyond(window, { targets, tokens })), 0);
    const shape = [batchSize, numHeads, hidden.shape[1]!, tokens];
    return tf.where(
      tf.broadcastTo(tf.expandDims(hidden, 1), shape),
      tf.fill(shape, Number.NEGATIVE_INFINITY),
      tf.zeros(shape),
    );
  });
}

/** 1 where a key lies outside of the window of a row. [B, T + M, T] */
function beyond(window: number, { targets, tokens }: { targets: tf.Tensor; tokens: number }): tf.Tensor {
  const keys = tf.range(0, tokens, 1, "int32");
  const places = tf.concat([tf.tile(tf.expandDims(keys, 0), [targets.shape[0]!, 1]), targets], 1);
  const distance = tf.abs(tf.sub(tf.expandDims(places, -1), tf.reshape(keys, [1, 1, tokens])));
  return tf.cast(tf.greater(distance, Math.floor(window / 2)), "float32");
}

/** The two streams of states [B, T + M, h]. */
export function splitStreams(states: tf.Tensor, { tokens }: { tokens: number }): Streams {
  const [content, query] = tf.split(states, [tokens, states.shape[1]! - tokens], 1) as [tf.Tensor, tf.Tensor];
  return { content, query };
}
