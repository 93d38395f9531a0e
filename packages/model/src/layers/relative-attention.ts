/**
 * Attention with relative positions (Dai et al. 2019, section 3.3) and segments (Yang et al. 2019, section 2.5). The score
 * is ((q + u) k + (q + v) r + (q + w) s) / sqrt(D), where r is a projected sinusoid of the distance, s is one of two
 * vectors for keys in the same or another segment, and u, v and w are biases of the layer.
 */
import { attend } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import { createColumnParallelLinear, type Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { type AttentionConfig, createProjections, probabilityDropout } from "./attention.ts";
import type { Attention } from "./block-context.ts";
import { getOrCompute } from "./memory-cache.ts";
import { relativeShift, shiftTo } from "./relative-distances.ts";

/** [B, R, H, D] -> [B, H, R, D] */
const byHead = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);

/** Creates the attention of a layer. Its projections have no biases. Ranges and bias of the context include the past. */
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
    scope.parameter(name, [numHeads, headSize], initializer, {
      placement: { dimension: 0, axis: "tensor" },
      decay: false,
    });
  const contentBias = bias("contentBias");
  const distanceBias = bias("distanceBias");
  const segmentBias = bias("segmentBias");
  const segments = scope.parameter("segments", [2, numHeads, headSize], initializer, {
    placement: { dimension: 1, axis: "tensor" },
  });

  /** [n, P, h] -> [n, H * P * D] */
  function distanceKeys(distances: tf.Tensor, heads: number): tf.Tensor {
    const [kinds, count] = distances.shape as [number, number];
    const projected = tf.reshape(projectDistances(distances), [kinds, count, heads, headSize]);
    return tf.reshape(byHead(projected), [kinds, -1]);
  }

  /** [B, H, R, S] */
  function distanceScores(
    q: tf.Tensor,
    {
      keys,
      r,
      directions,
      queryPositions,
    }: { keys: number; r: tf.Tensor; directions: tf.Tensor; queryPositions?: tf.Tensor | null },
  ): tf.Tensor {
    const [batchSize, rows, heads] = q.shape as [number, number, number];
    // Copied rather than broadcast, because not every backend sums the gradient of a broadcast.
    const perRow = tf.reshape(embedding(directions, { table: r }), [batchSize, heads, -1, headSize]);
    const scores = tf.matMul(byHead(tf.mul(tf.add(q, distanceBias.tensor), scale)), perRow, false, true);
    if (!queryPositions) return relativeShift(scores, { keys });
    const last = rows - queryPositions.shape[1]!;
    if (last === 0) return shiftTo(queryPositions, scores, { keys });
    const [content, query] = tf.split(scores, [last, rows - last], 2) as [tf.Tensor, tf.Tensor];
    return tf.concat([relativeShift(content, { keys }), shiftTo(queryPositions, query, { keys })], 2);
  }

  /** [B, H, R, S] */
  function segmentScores(q: tf.Tensor, segmentIdsDiffer: tf.Tensor): tf.Tensor {
    const biased = tf.mul(tf.add(q, segmentBias.tensor), scale);
    const [same, other] = tf.unstack(segments.tensor) as [tf.Tensor, tf.Tensor];
    const score = (segment: tf.Tensor) => byHead(tf.sum(tf.mul(biased, segment), -1, true));
    return tf.add(score(same), tf.mul(segmentIdsDiffer, score(tf.sub(other, same))));
  }

  return (x, context) => {
    const { ranges, layout, numKeyTokens = x.shape[1]!, bias: mask, cache, memoryCache, random, observe } = context;
    const { distances, directions, queryPositions, segmentIdsDiffer, past } = context;
    if (!distances || !directions) throw new Error(`${scope.path} needs distances`);
    const own = numKeyTokens === x.shape[1] ? x : tf.slice(x, [0, 0, 0], [-1, numKeyTokens, -1]);
    const seen = past ? tf.concat([past, own], 1) : own;
    const keys = cache ? cache.pageTable.shape[1]! * cache.keys.shape[1]! : seen.shape[1]!;
    const q = project.query(x, { random });
    const r = getOrCompute(memoryCache, `${scope.path}.distances`, () => distanceKeys(distances, q.shape[2]!));
    const relative = distanceScores(q, { keys, r, directions, queryPositions });
    const scores = segmentIdsDiffer ? tf.add(relative, segmentScores(q, segmentIdsDiffer)) : relative;
    const attended = attend(
      { q: tf.add(q, contentBias.tensor), k: project.key(seen, { random }), v: project.value(seen, { random }) },
      {
        keyRanges: ranges,
        layout,
        bias: mask ? tf.add(scores, mask) : scores,
        cache,
        scale,
        dropout: probabilityDropout(scope, { q, keys, rate: config.attentionDropout, random }),
        observe: observe && ((probabilities) => observe(`${scope.path}.probabilities`, probabilities)),
      },
    );
    return project.output(attended, { random });
  };
}
