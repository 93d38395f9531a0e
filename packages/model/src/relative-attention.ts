/**
 * Attention by relative positions (Dai et al. 2019, section 3.3) and segments (Yang et al. 2019, section 2.5): the score
 * is ((q + u) k + (q + v) r + (q + w) s) / sqrt(D), r a projected sinusoid of the distance, s one of two vectors for keys
 * of the same and of another segment, u, v and w three biases of each layer.
 */
import { attend } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import { createColumnParallelLinear, type Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { type Attention, type AttentionConfig, createProjections, probabilityDropout } from "./attention.ts";

/** What relative attention finds in the context of a block, with R rows of queries (T tokens, M targets), S keys. */
export interface RelativeContext {
  /** [n, S + T, h]: sinusoids of the distances S, S - 1, ..., 1 - T; the second, if any, of those negated. */
  distances: tf.Tensor;
  /** int32 [B]: which of them a row counts by. */
  directions: tf.Tensor;
  /** [B, 1, R, S]: 1 where a key is of another segment than the query, else 0. */
  otherSegment?: tf.Tensor | null;
  /** int32 [B, M]: where the queries behind the first T stand. */
  targets?: tf.Tensor | null;
  /** [B, S - T, h]: states of earlier tokens, which are keys too. */
  past?: tf.Tensor | null;
}

/** [B, R, D * H] by head: [B, R, H, D] -> [B, H, R, D] */
const byHead = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);

/** Projections have no biases. The context's ranges are those of the keys, the past among them; its bias hides keys. */
export function createRelativeAttention(scope: Scope, config: AttentionConfig): Attention {
  const { hiddenSize, numHeads, initializer } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const scale = config.scale ?? 1 / Math.sqrt(headSize);
  const project = createProjections(scope, { ...config, bias: false });
  const projectDistances = createColumnParallelLinear(scope.child("distance"), {
    inputs: hiddenSize,
    outputs: numHeads * headSize,
    initializer,
    bias: false,
  });
  const bias = (name: string) =>
    scope.parameter(name, [numHeads, headSize], initializer, { placement: { dim: 0, axis: "tensor" }, decay: false });
  const contentBias = bias("contentBias");
  const distanceBias = bias("distanceBias");
  const segmentBias = bias("segmentBias");
  const segments = scope.parameter("segments", [2, numHeads, headSize], initializer, {
    placement: { dim: 1, axis: "tensor" },
  });

  /** [B, H, R, S] */
  function distanceScores(q: tf.Tensor, { tokens, keys }: { tokens: number; keys: number }, context: RelativeContext) {
    const { distances, directions, targets } = context;
    const [batchSize, rows, heads] = q.shape as [number, number, number];
    const [kinds, count] = distances.shape as [number, number];
    const projected = byHead(tf.reshape(projectDistances(distances), [kinds, count, heads, headSize]));
    // Rows copied rather than broadcast, whose gradient not every backend sums.
    const perRow = embedding(directions, { table: tf.reshape(projected, [kinds, -1]) });
    const r = tf.reshape(perRow, [batchSize, heads, count, headSize]);
    const scores = tf.matMul(byHead(tf.mul(tf.add(q, distanceBias.tensor), scale)), r, false, true);
    if (!targets) return relativeShift(scores, { keys });
    const [content, query] = tf.split(scores, [tokens, rows - tokens], 2) as [tf.Tensor, tf.Tensor];
    return tf.concat([relativeShift(content, { keys }), shiftTo(targets, query, { tokens, keys })], 2);
  }

  /** [B, H, R, S] or, where every key is of the query's segment, the same for all keys: [B, H, R, 1]. */
  function segmentScores(q: tf.Tensor, otherSegment: tf.Tensor): tf.Tensor {
    const biased = tf.mul(tf.add(q, segmentBias.tensor), scale);
    const [same, other] = tf.unstack(segments.tensor) as [tf.Tensor, tf.Tensor];
    const score = (segment: tf.Tensor) => tf.transpose(tf.sum(tf.mul(biased, segment), -1, true), [0, 2, 1, 3]);
    return tf.add(score(same), tf.mul(otherSegment, score(tf.sub(other, same))));
  }

  return (x, context) => {
    const { ranges, keyTokens: tokens = x.shape[1]!, bias: mask, past, otherSegment, random, observe } = context;
    const { distances, directions, targets } = context;
    if (!distances || !directions) throw new Error(`${scope.path} counts distances, and was given none`);
    const own = tokens === x.shape[1] ? x : tf.slice(x, [0, 0, 0], [-1, tokens, -1]);
    const seen = past ? tf.concat([past, own], 1) : own;
    const keys = seen.shape[1]!;
    const q = project.query(x);
    const relative = distanceScores(q, { tokens, keys }, { distances, directions, targets });
    const scores = otherSegment ? tf.add(relative, segmentScores(q, otherSegment)) : relative;
    const attended = attend(
      { q: tf.add(q, contentBias.tensor), k: project.key(seen), v: project.value(seen) },
      {
        ranges,
        bias: mask ? tf.add(scores, mask) : scores,
        scale,
        dropout: probabilityDropout(scope, { q, keys, rate: config.attentionDropout, random }),
        observe: observe && ((probabilities) => observe(`${scope.path}.probabilities`, probabilities)),
      },
    );
    return project.output(attended);
  };
}

/**
 * Scores [B, H, T, S + T] by distance -> by key [B, H, T, S]: row i shifted so that what stood at T - i comes first. Read
 * as [S + T, T] without its first row, the rows are one shorter and lie as they should.
 */
export function relativeShift(scores: tf.Tensor, { keys }: { keys: number }): tf.Tensor {
  const [batchSize, heads, tokens, count] = scores.shape as [number, number, number, number];
  const turned = tf.reshape(scores, [batchSize, heads, count, tokens]);
  const cut = tf.slice(turned, [0, 0, 1, 0], [-1, -1, -1, -1]);
  return tf.slice(tf.reshape(cut, [batchSize, heads, tokens, count - 1]), [0, 0, 0, 0], [-1, -1, -1, keys]);
}

/** The same for M rows anywhere: scores [B, H, M, S + T], targets int32 [B, M] -> [B, H, M, S]. */
function shiftTo(targets: tf.Tensor, scores: tf.Tensor, { tokens, keys }: { tokens: number; keys: number }): tf.Tensor {
  const [batchSize, heads, rows, count] = scores.shape as [number, number, number, number];
  const starts = tf.reshape(tf.range(0, scores.size, count, "int32"), [batchSize, heads, rows, 1]);
  const shifts = tf.reshape(tf.sub(tf.scalar(tokens, "int32"), targets), [batchSize, 1, rows, 1]);
  const places = tf.add(tf.add(starts, shifts), tf.range(0, keys, 1, "int32"));
  return tf.reshape(embedding(places, { table: tf.reshape(scores, [-1, 1]) }), [batchSize, heads, rows, keys]);
}

/** Sinusoids [S + T, h] of the distances S, S - 1, ..., 1 - T, sines first; in float32 as the reference has them. */
export function distanceSinusoids({
  keys,
  tokens,
  hiddenSize,
  backwards = false,
}: {
  keys: number;
  tokens: number;
  hiddenSize: number;
  backwards?: boolean;
}): tf.Tensor2D {
  const { fround } = Math;
  const half = hiddenSize / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / fround(10_000 ** fround((2 * i) / hiddenSize)));
  const values = new Float32Array((keys + tokens) * hiddenSize);
  for (let i = 0; i < keys + tokens; i++) {
    const distance = backwards ? i - keys : keys - i;
    for (let j = 0; j < half; j++) {
      const angle = fround(distance * frequencies[j]!);
      values[i * hiddenSize + j] = Math.sin(angle);
      values[i * hiddenSize + half + j] = Math.cos(angle);
    }
  }
  return tf.tensor2d(values, [keys + tokens, hiddenSize]);
}
