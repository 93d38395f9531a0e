/**
 * The reference of `attention` in TensorFlow.js operations, which stores every score: for backends without the kernel, and
 * what kernels are checked against.
 */
import * as tf from "@tensorflow/tfjs";
import { type DropoutAttributes, dropoutMask } from "./dropout.ts";

/** The attributes of the attention kernels. */
export interface AttentionAttributes {
  scale: number;
  dropout: DropoutAttributes | null;
}

/** The pages [pages, pageSize, G, D] of a cache in the order of its table [B, P] -> [B, P * pageSize, G, D]. */
export function gatherPages(paged: tf.Tensor, pageTable: tf.Tensor): tf.Tensor {
  const [batch, pagesPerRow] = pageTable.shape as [number, number];
  const [, pageSize, heads, headSize] = paged.shape as [number, number, number, number];
  const gathered = tf.gather(paged, tf.reshape(pageTable, [-1]) as tf.Tensor1D);
  return tf.reshape(gathered, [batch, pagesPerRow * pageSize, heads, headSize]);
}

/** [B, T, H, D] -> [B, G, (H/G) T, D]: groups the queries of the heads that share a key head. */
function groupQueries(x: tf.Tensor, groups: number): tf.Tensor {
  const [batch, tokens, heads, headSize] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, groups, (heads / groups) * tokens, headSize]);
}

/** The inverse of `groupQueries`. */
function ungroupQueries(x: tf.Tensor, [batch, tokens, heads, headSize]: readonly number[]): tf.Tensor {
  return tf.transpose(tf.reshape(x, [batch!, heads!, tokens!, headSize!]), [0, 2, 1, 3]);
}

/** [B, S, G, D] -> [B, G, S, D] */
const keysByHead = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);

/** keyRanges [B, T, 2] -> bool [B, 1, T, S]. Filled in JavaScript: backends take far longer to compare every pair. */
function visibleKeys(keyRanges: tf.Tensor, keys: number): tf.Tensor {
  const [batch, tokens] = keyRanges.shape as [number, number, number];
  const bounds = keyRanges.dataSync();
  const visible = new Uint8Array(batch * tokens * keys);
  for (let query = 0; query < batch * tokens; query++) {
    const from = Math.max(bounds[2 * query]!, 0);
    const to = Math.min(bounds[2 * query + 1]!, keys);
    if (from < to) visible.fill(1, query * keys + from, query * keys + to);
  }
  return tf.tensor(visible, [batch, 1, tokens, keys], "bool");
}

/** Scaled and biased scores [B, H, T, S], -Infinity where the query may not look. */
function maskedScores(
  { q, k, keyRanges, bias }: { q: tf.Tensor; k: tf.Tensor; keyRanges: tf.Tensor; bias?: tf.Tensor },
  scale: number,
): tf.Tensor {
  const [batch, tokens, heads] = q.shape as [number, number, number];
  const [, keys, groups] = k.shape as [number, number, number];
  const products = tf.matMul(groupQueries(q, groups), keysByHead(k), false, true);
  const scaled = tf.reshape(tf.mul(products, scale), [batch, heads, tokens, keys]);
  const scores = bias ? tf.add(scaled, bias) : scaled;
  const visible = visibleKeys(keyRanges, keys);
  return tf.where(tf.broadcastTo(visible, scores.shape), scores, tf.fill(scores.shape, Number.NEGATIVE_INFINITY));
}

/** exp(scores - logSumExp), 0 in rows that see nothing. [B, H, T, S] */
function probabilitiesOf(scores: tf.Tensor, logSumExp: tf.Tensor): tf.Tensor {
  const finite = tf.where(tf.isInf(logSumExp), tf.zerosLike(logSumExp), logSumExp);
  return tf.exp(tf.sub(scores, tf.expandDims(finite, -1)));
}

/** dq, dk, dv and, where there is a bias, dbias. */
export function gradientReference(
  { dout, q, k, v, out, logSumExp, keyRanges, bias }: Record<string, tf.Tensor>,
  { scale, dropout }: AttentionAttributes,
): tf.Tensor[] {
  const groups = k!.shape[2]!;
  const [batch, tokens, heads] = q!.shape as [number, number, number];
  const keys = k!.shape[1]!;
  const operands = [q!, k!, v!, ...(bias ? [bias] : [])];
  if (q!.size === 0 || k!.size === 0) return operands.map((tensor) => tf.zeros(tensor.shape));
  const grouped = [batch, groups, (heads / groups) * tokens, keys];
  const probabilities = probabilitiesOf(maskedScores({ q: q!, k: k!, keyRanges: keyRanges!, bias }, scale), logSumExp!);
  const mask = dropout ? dropoutMask(probabilities.shape, dropout) : null;
  const dropped = mask ? tf.mul(probabilities, mask) : probabilities;
  const doutGrouped = groupQueries(dout!, groups);
  const dv = tf.matMul(tf.reshape(dropped, grouped), doutGrouped, true, false);
  const dDropped = tf.reshape(tf.matMul(doutGrouped, keysByHead(v!), false, true), probabilities.shape);
  const dProbabilities = mask ? tf.mul(dDropped, mask) : dDropped;
  // sum_s p dp = dout . out, for dropout too (Dao et al. 2022, appendix B.4). [B, T, H] -> [B, H, T, 1]
  const delta = tf.expandDims(tf.transpose(tf.sum(tf.mul(dout!, out!), -1), [0, 2, 1]), -1);
  const dBiased = tf.mul(probabilities, tf.sub(dProbabilities, delta));
  const dScores = tf.reshape(tf.mul(dBiased, scale), grouped);
  const dq = tf.matMul(dScores, keysByHead(k!));
  const dk = tf.matMul(dScores, groupQueries(q!, groups), true, false);
  const gradients = [ungroupQueries(dq, q!.shape), tf.transpose(dk, [0, 2, 1, 3]), tf.transpose(dv, [0, 2, 1, 3])];
  if (!bias) return gradients;
  const shared = [0, 1].filter((dimension) => bias.shape[dimension] !== dBiased.shape[dimension]);
  return [...gradients, shared.length > 0 ? tf.sum(dBiased, shared, true) : dBiased];
}
/** The output, and logSumExp [B, H, T]: the logarithm of the sum of exponentials of each query's scores. */
export function attentionReference(
  { q, k, v, keyRanges, pageTable, bias }: Record<string, tf.Tensor>,
  { scale, dropout }: AttentionAttributes,
): tf.Tensor[] {
  const [batch, tokens, heads] = q!.shape as [number, number, number];
  if (q!.size === 0 || k!.size === 0) {
    return [tf.zeros(q!.shape), tf.fill([batch, heads, tokens], Number.NEGATIVE_INFINITY)];
  }
  const [keys, values] = pageTable ? [gatherPages(k!, pageTable), gatherPages(v!, pageTable)] : [k!, v!];
  const groups = keys.shape[2]!;
  const scores = maskedScores({ q: q!, k: keys, keyRanges: keyRanges!, bias }, scale);
  const highest = tf.max(scores, -1, true);
  const shift = tf.where(tf.isInf(highest), tf.zerosLike(highest), highest);
  const exponentials = tf.exp(tf.sub(scores, shift));
  const total = tf.sum(exponentials, -1, true);
  const divisor = tf.where(tf.equal(total, 0), tf.onesLike(total), total);
  const probabilities = tf.div(exponentials, divisor);
  const dropped = dropout ? tf.mul(probabilities, dropoutMask(scores.shape, dropout)) : probabilities;
  const grouped = tf.reshape(dropped, [batch, groups, (heads / groups) * tokens, keys.shape[1]!]);
  const out = ungroupQueries(tf.matMul(grouped, keysByHead(values)), q!.shape);
  return [out, tf.squeeze(tf.add(shift, tf.log(total)), [3])];
}
