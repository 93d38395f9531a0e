/** Attention over new or cached keys, with its probabilities on request. */
import {
  attention,
  type BlockLayout,
  constant,
  type DropoutOptions,
  dropout as dropOut,
  gatherPages,
} from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { LayerCache } from "./layer-cache.ts";
import { visibleIn } from "./layouts/block-layout.ts";

/** Options of `attend`. */
export interface AttendOptions {
  /** The keys that each query sees, int32 [B, T, 2]: see `causalRanges` and `paddedRanges`. */
  keyRanges: tf.Tensor;
  /** Keys and values of earlier tokens. New ones are appended to it. */
  cache?: LayerCache | null;
  /** Keys that queries see, of those in `keyRanges`. Default: all. */
  layout?: BlockLayout | null;
  /** Added to the scaled scores: [B or 1, H or 1, T, S]. */
  bias?: tf.Tensor | null;
  /** Added to the scaled scores by distance, [H or 1, T + S - 1]: query t and key j get element T - 1 - t + j. */
  distanceBias?: tf.Tensor | null;
  /** A logit per head, [H], that takes its share of the softmax. */
  sinks?: tf.Tensor | null;
  /** Factor of the scores. Default: 1 / sqrt(D). */
  scale?: number;
  /** Keeps scaled scores s within the cap c, as c tanh(s / c) (Gemma 2). Slower: no backend fuses it. Default: none. */
  cap?: number;
  /** Dropout of the probabilities, which have shape [B, H, T, S]. */
  dropout?: DropoutOptions | null;
  /** Called with the probabilities [B, H, T, S], which are computed only for this call and disposed afterwards. */
  observe?: ((probabilities: tf.Tensor) => void) | null;
}

/**
 * q [B, T, H, D], k and v [B, T, G, D] -> [B, T, H, D]. With a cache, appends k and v to it and attends to all of its keys.
 * Throws a ShapeError if shapes do not fit, and a RangeError if the cache is full.
 */
export function attend(
  { q, k, v }: { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor },
  { cache: whole, dropout, observe, ...given }: AttendOptions,
): tf.Tensor {
  const cache = whole?.isDirect?.(q.shape[1]!) ? null : whole;
  whole?.append(k, v);
  const masks = cache?.place ? placed(given, cache.place(given.keyRanges)) : given;
  const keys = cache ? cache.keys : k;
  const values = cache ? cache.values : v;
  const pageTable = cache?.pageTable;
  const options = { ...masks, pageTable };
  if (observe) tf.tidy(() => observe(attentionProbabilities({ q, k: keys }, options)));
  if (masks.cap !== undefined) return attendByProbabilities({ q, k: keys, v: values }, { ...options, dropout });
  return attention({ q, k: keys, v: values }, { ...options, dropout });
}

/** The options where keys are those of a window. */
function placed(
  given: Omit<AttendOptions, "cache" | "dropout" | "observe">,
  { keyRanges, bias }: { keyRanges: tf.Tensor; bias?: tf.Tensor },
): typeof given {
  return { ...given, keyRanges, bias: given.bias && bias ? tf.add(given.bias, bias) : (given.bias ?? bias) };
}

/** The options of `attentionProbabilities`. */
type ProbabilityOptions = Omit<AttendOptions, "cache" | "dropout" | "observe"> & {
  pageTable?: tf.Tensor | null;
};

/** Attention that stores its probabilities, for scores that the attention kernel cannot compute. */
function attendByProbabilities(
  { q, k, v }: { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor },
  { dropout, ...options }: ProbabilityOptions & Pick<AttendOptions, "dropout">,
): tf.Tensor {
  return tf.tidy(() => {
    const [batch, tokens, heads, headSize] = q.shape as [number, number, number, number];
    const values = options.pageTable ? gatherPages(v, options.pageTable) : v;
    const [, keys, groups] = values.shape as [number, number, number];
    const probabilities = attentionProbabilities({ q, k }, options);
    const dropped = dropout ? dropOut(probabilities, dropout) : probabilities;
    const grouped = tf.reshape(dropped, [batch, groups, (heads / groups) * tokens, keys]);
    const out = tf.matMul(grouped, tf.transpose(values, [0, 2, 1, 3]));
    return tf.transpose(tf.reshape(out, [batch, heads, tokens, headSize]), [0, 2, 1, 3]);
  });
}

/** Hides a score, while sums with it stay finite. */
const lowest = -1e30;

/**
 * The probabilities [B, H, T, S] that `attention` never stores; 0 for keys that a query does not see. q [B, T, H, D], k
 * [B, S, G, D], or pages with a page table.
 */
export function attentionProbabilities(
  { q, k }: { q: tf.Tensor; k: tf.Tensor },
  { keyRanges, pageTable, layout, bias: given, distanceBias, sinks, scale, cap }: ProbabilityOptions,
): tf.Tensor {
  return tf.tidy(() => {
    const [batch, tokens, heads, headSize] = q.shape as [number, number, number, number];
    const gathered = pageTable ? gatherPages(k, pageTable) : k;
    const [, keys, groups] = gathered.shape as [number, number, number, number];
    const byHead = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);
    const grouped = tf.reshape(byHead(q), [batch, groups, (heads / groups) * tokens, headSize]);
    const scores = tf.reshape(tf.matMul(grouped, byHead(gathered), false, true), [batch, heads, tokens, keys]);
    const position = tf.reshape(
      constant(() => tf.range(0, keys, 1, "int32")),
      [1, 1, 1, keys],
    );
    const [from, to] = tf.split(tf.reshape(keyRanges, [batch, 1, tokens, 2]), 2, -1) as [tf.Tensor, tf.Tensor];
    const inRange = tf.logicalAnd(tf.greaterEqual(position, from), tf.less(position, to));
    const inLayout = layout ? tf.logicalAnd(inRange, visibleIn(layout)) : inRange;
    const byDistance = distanceBias && biasOfDistances(distanceBias, { tokens, keys });
    const bias = given && byDistance ? tf.add(given, byDistance) : (given ?? byDistance);
    const visible = tf.cast(bias ? tf.logicalAnd(inLayout, tf.isFinite(bias)) : inLayout, "float32");
    const scaled = tf.mul(scores, scale ?? 1 / Math.sqrt(headSize));
    const capped = cap === undefined ? scaled : tf.mul(tf.tanh(tf.div(scaled, cap)), cap);
    const biased = bias ? tf.add(capped, tf.maximum(bias, lowest)) : capped;
    const hidden = tf.add(biased, tf.mul(tf.sub(1, visible), lowest));
    if (!sinks) return tf.mul(tf.softmax(hidden), visible);
    const sink = tf.tile(tf.reshape(sinks, [1, heads, 1, 1]), [batch, 1, tokens, 1]);
    const shares = tf.softmax(tf.concat([hidden, sink], -1));
    return tf.mul(tf.slice(shares, [0, 0, 0, 0], [-1, -1, -1, keys]), visible);
  });
}

/** [H or 1, T + S - 1] -> [1, H or 1, T, S] */
function biasOfDistances(distanceBias: tf.Tensor, { tokens, keys }: { tokens: number; keys: number }): tf.Tensor {
  const rows = Array.from({ length: tokens }, (_, t) => tf.slice(distanceBias, [0, tokens - 1 - t], [-1, keys]));
  return tf.expandDims(tf.stack(rows, 1), 0);
}
