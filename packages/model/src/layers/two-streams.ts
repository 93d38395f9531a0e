/**
 * Two-stream attention (Yang et al. 2019, section 2.3). The content stream encodes the tokens; the query stream has one
 * row per target and encodes only its position. Both attend to the content stream under a permutation mask, so they run
 * as one sequence [content; query] of T + M rows, of which the first T are the keys.
 */
import * as tf from "@tensorflow/tfjs";
import type { QueryPlace } from "./layer-layouts.ts";

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

/** What both streams see, for the layouts of a stack. */
interface StreamMask {
  /** [B, T, T]: 1 where token i may not see token j. */
  permutationMask?: tf.Tensor | null;
  /** int32 [B, M] */
  targets?: tf.Tensor | null;
}

/**
 * Where the rows of both streams are among `past + T` keys, and which they do not see: a token always sees itself, a target
 * never does. The `past` keys before the tokens are hidden from none.
 */
export function streamQueries(
  { permutationMask, targets }: StreamMask,
  { batch, tokens, past = 0 }: { batch: number; tokens: number; past?: number },
): QueryPlace {
  const mask = permutationMask?.dataSync();
  const queried = targets?.dataSync();
  const numTargets = targets?.shape[1] ?? 0;
  const rows = tokens + numTargets;
  /** The position in the text of a row of the streams. */
  const placeOf = (row: number, query: number) =>
    query < tokens ? query : queried![row * numTargets + query - tokens]!;

  function isHidden(row: number, query: number, key: number): boolean {
    if (key < past || key >= past + tokens) return false;
    const [place, other] = [placeOf(row, query), key - past];
    if (place === other) return query >= tokens;
    return mask !== undefined && mask[(row * tokens + place) * tokens + other]! > 0;
  }

  return {
    batch,
    keys: past + tokens,
    positions: Int32Array.from({ length: batch * rows }, (_, i) => past + placeOf(Math.floor(i / rows), i % rows)),
    ...((mask || queried) && { isHidden }),
  };
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
