/**
 * The reference of `attention` in TensorFlow.js operations, which stores every score: for backends without the kernel, and
 * what kernels are checked against.
 */
import * as tf from "@tensorflow/tfjs";
import { type LayoutAttributes, visiblePairs } from "./block-layout.ts";
import { type DropoutAttributes, dropoutMask } from "./dropout.ts";

/** The attributes of the attention kernels. */
export interface AttentionAttributes {
  scale: number;
  dropout: DropoutAttributes | null;
  /** Null without a layout. */
  layout: LayoutAttributes | null;
}

type Operands = Record<string, tf.Tensor | undefined>;

/** A kernel takes an empty tensor [0] for an optional operand that the call leaves out. */
export const isGiven = (operand: tf.Tensor | undefined): operand is tf.Tensor =>
  operand !== undefined && !(operand.rank === 1 && operand.size === 0);

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

/**
 * keyRanges [B, T, 2] and a layout's tensors -> bool [B, 1 or H, T, S]. Filled in JavaScript: backends take far longer to
 * compare every pair.
 */
function visibleKeys({ keyRanges, offsets, blocks, masks }: Operands, keys: number, layout: LayoutAttributes | null) {
  const [batch, queries] = keyRanges!.shape as [number, number, number];
  const bounds = keyRanges!.dataSync();
  const heads = layout?.heads ?? 1;
  const visible = new Uint8Array(batch * heads * queries * keys);
  const listed =
    layout && visiblePairs({ offsets: offsets!, blocks: blocks!, masks: masks! }, { ...layout, queries, keys });
  for (let row = 0; row < batch * heads * queries; row++) {
    const query = Math.floor(row / queries / heads) * queries + (row % queries);
    const from = Math.max(bounds[2 * query]!, 0);
    const to = Math.min(bounds[2 * query + 1]!, keys);
    if (from >= to) continue;
    const start = row * keys;
    if (listed) {
      const same = (start % listed.length) + from;
      visible.set(listed.subarray(same, same + to - from), start + from);
    } else visible.fill(1, start + from, start + to);
  }
  return tf.tensor(visible, [batch, heads, queries, keys], "bool");
}

/** [H or 1, T + S - 1], by distance -> [H or 1, T, S] */
function spreadByDistance(distanceBias: tf.Tensor, queries: number, keys: number): tf.Tensor {
  const index = Int32Array.from({ length: queries * keys }, (_, pair) => {
    const query = Math.floor(pair / keys);
    return queries - 1 - query + (pair % keys);
  });
  const gathered = tf.gather(distanceBias, tf.tensor1d(index, "int32"), 1);
  return tf.reshape(gathered, [distanceBias.shape[0]!, queries, keys]);
}

/** The sums over equal distances: [H, T, S] -> [H, T + S - 1]. */
function sumByDistance(x: tf.Tensor): tf.Tensor {
  const [heads, queries, keys] = x.shape as [number, number, number];
  const padded = tf.pad(tf.reverse(x, 1), [
    [0, 0],
    [0, 0],
    [0, queries],
  ]);
  // Rows that are one shorter than they were stored: each begins one place further than the one before.
  const flat = tf.slice(
    tf.reshape(padded, [heads, queries * (keys + queries)]),
    [0, 0],
    [heads, queries * (keys + queries - 1)],
  );
  return tf.sum(tf.reshape(flat, [heads, queries, keys + queries - 1]), 1);
}

/** Scaled and biased scores [B, H, T, S], -Infinity where the query may not look. */
function maskedScores(operands: Operands, { scale, layout }: AttentionAttributes): tf.Tensor {
  const { q, k, bias, distanceBias } = operands as { q: tf.Tensor; k: tf.Tensor } & Operands;
  const [batch, tokens, heads] = q.shape as [number, number, number];
  const [, keys, groups] = k.shape as [number, number, number];
  const products = tf.matMul(groupQueries(q, groups), keysByHead(k), false, true);
  let scores = tf.reshape(tf.mul(products, scale), [batch, heads, tokens, keys]) as tf.Tensor;
  if (isGiven(bias)) scores = tf.add(scores, bias);
  if (isGiven(distanceBias)) scores = tf.add(scores, spreadByDistance(distanceBias, tokens, keys));
  const visible = visibleKeys(operands, keys, layout);
  return tf.where(tf.broadcastTo(visible, scores.shape), scores, tf.fill(scores.shape, Number.NEGATIVE_INFINITY));
}

/** Sinks [H] -> [1, H, 1, 1] */
const sinkScores = (sinks: tf.Tensor) => tf.reshape(sinks, [1, -1, 1, 1]);

/** exp(scores - logSumExp), 0 in rows that see nothing. [B, H, T, S] */
function probabilitiesOf(scores: tf.Tensor, logSumExp: tf.Tensor): tf.Tensor {
  const finite = tf.where(tf.isInf(logSumExp), tf.zerosLike(logSumExp), logSumExp);
  return tf.exp(tf.sub(scores, tf.expandDims(finite, -1)));
}

/** dq, dk, dv, then the gradients of those of bias, distanceBias and sinks that are given. */
export function gradientReference(operands: Record<string, tf.Tensor>, attributes: AttentionAttributes): tf.Tensor[] {
  const { dout, q, k, v, out, logSumExp, bias, distanceBias, sinks } = operands;
  const { scale, dropout } = attributes;
  const groups = k!.shape[2]!;
  const [batch, tokens, heads] = q!.shape as [number, number, number];
  const keys = k!.shape[1]!;
  if (q!.size === 0 || k!.size === 0) {
    return [q!, k!, v!, ...[bias, distanceBias, sinks].filter(isGiven)].map((tensor) => tf.zeros(tensor.shape));
  }
  const grouped = [batch, groups, (heads / groups) * tokens, keys];
  const probabilities = probabilitiesOf(maskedScores(operands, attributes), logSumExp!);
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
  if (isGiven(bias)) {
    const shared = [0, 1].filter((dimension) => bias.shape[dimension] !== dBiased.shape[dimension]);
    gradients.push(shared.length > 0 ? tf.sum(dBiased, shared, true) : dBiased);
  }
  if (isGiven(distanceBias)) {
    const perHead = tf.sum(dBiased, 0);
    gradients.push(sumByDistance(distanceBias.shape[0] === heads ? perHead : tf.sum(perHead, 0, true)));
  }
  if (isGiven(sinks)) {
    const share = tf.reshape(probabilitiesOf(tf.broadcastTo(sinkScores(sinks), delta.shape), logSumExp!), delta.shape);
    gradients.push(tf.neg(tf.sum(tf.mul(share, delta), [0, 2, 3])));
  }
  return gradients;
}

/** The output, and logSumExp [B, H, T]: the logarithm of the sum of exponentials of each query's scores and its sink. */
export function attentionReference(operands: Record<string, tf.Tensor>, attributes: AttentionAttributes): tf.Tensor[] {
  const { q, k, v, pageTable, sinks } = operands;
  const { dropout } = attributes;
  const [batch, tokens, heads] = q!.shape as [number, number, number];
  if (q!.size === 0 || k!.size === 0) {
    const nothing = isGiven(sinks) ? tf.reshape(sinks, [1, heads, 1]) : tf.scalar(Number.NEGATIVE_INFINITY);
    return [tf.zeros(q!.shape), tf.tile(tf.broadcastTo(nothing, [1, heads, 1]), [batch, 1, tokens])];
  }
  const [keys, values] = pageTable ? [gatherPages(k!, pageTable), gatherPages(v!, pageTable)] : [k!, v!];
  const groups = keys.shape[2]!;
  const scores = maskedScores({ ...operands, k: keys }, attributes);
  const highestScore = tf.max(scores, -1, true);
  const highest = isGiven(sinks) ? tf.maximum(highestScore, sinkScores(sinks)) : highestScore;
  const shift = tf.where(tf.isInf(highest), tf.zerosLike(highest), highest);
  const exponentials = tf.exp(tf.sub(scores, shift));
  const sum = tf.sum(exponentials, -1, true);
  const total = isGiven(sinks) ? tf.add(sum, tf.exp(tf.sub(sinkScores(sinks), shift))) : sum;
  const divisor = tf.where(tf.equal(total, 0), tf.onesLike(total), total);
  const probabilities = tf.div(exponentials, divisor);
  const dropped = dropout ? tf.mul(probabilities, dropoutMask(scores.shape, dropout)) : probabilities;
  const grouped = tf.reshape(dropped, [batch, groups, (heads / groups) * tokens, keys.shape[1]!]);
  const out = ungroupQueries(tf.matMul(grouped, keysByHead(values)), q!.shape);
  return [out, tf.squeeze(tf.add(shift, tf.log(total)), [3])];
}
