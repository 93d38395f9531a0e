/**
 * T5's relative position bias (Raffel et al. 2020, section 2.1): a learned scalar per head and bucket of distances is
 * added to the scores. Half of the buckets hold a single distance, the others grow logarithmically.
 */
import { constant, embedding } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** How distances are assigned to buckets. */
export interface RelativeBuckets {
  numBuckets: number;
  /** Distances from here on share the last bucket. */
  maxDistance: number;
  /** Whether keys after the query have buckets of their own, or all share the bucket of the query itself. */
  bidirectional: boolean;
}

/** The bucket of a distance (key minus query), computed in float32 like the reference, since rounding matters. */
export function relativeBucketOf(
  distance: number,
  { numBuckets, maxDistance, bidirectional }: RelativeBuckets,
): number {
  const count = bidirectional ? Math.floor(numBuckets / 2) : numBuckets;
  const first = bidirectional && distance > 0 ? count : 0;
  const steps = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = Math.floor(count / 2);
  if (steps < exact) return first + steps;
  const { fround, log } = Math;
  const share = fround(fround(log(fround(steps / exact))) / fround(log(maxDistance / exact)));
  return first + Math.min(exact + Math.floor(fround(share * (count - exact))), count - 1);
}

/** Keys 0 to `keys`, and `queries` that follow offsets[b] of them, int32 [B]. Default: 0 for all rows. */
interface RelativePlaces {
  queries: number;
  keys: number;
  offsets?: tf.Tensor | undefined;
}

/** What `attention` adds to scores: by distance [H, T + S - 1]; with offsets, where rows differ, [B, H, T, S]. */
type RelativeBias = (places: RelativePlaces) => { bias?: tf.Tensor; distanceBias?: tf.Tensor };

export function createRelativeBias(
  scope: Scope,
  { numHeads, initializer, ...buckets }: RelativeBuckets & { numHeads: number; initializer: Initializer },
): RelativeBias {
  const table = scope.parameter("weight", [buckets.numBuckets, numHeads], initializer, {
    placement: { dimension: 1, axis: "tensor" },
    kind: "embedding",
  });
  return ({ offsets, queries, keys }) =>
    tf.tidy(() => {
      if (!offsets) {
        const ids = bucketsByDistance({ first: 1 - queries, end: keys }, buckets);
        return { distanceBias: tf.transpose(embedding(ids, { table: table.tensor })) };
      }
      const ids = bucketsAt({ queries, keys, offsets }, buckets);
      return { bias: tf.transpose(embedding(ids, { table: table.tensor }), [0, 3, 1, 2]) };
    });
}

/** int32 [end - first]: the buckets of the distances from `first` on. */
function bucketsByDistance({ first, end }: { first: number; end: number }, buckets: RelativeBuckets): tf.Tensor {
  return constant(() =>
    tf.tensor1d(
      Int32Array.from({ length: end - first }, (_, i) => relativeBucketOf(first + i, buckets)),
      "int32",
    ),
  );
}

/** int32 [B, T, S] */
function bucketsAt({ queries, keys, offsets }: Required<RelativePlaces>, buckets: RelativeBuckets): tf.Tensor {
  // No query is further from the first key than this. Distances -furthest to keys - 1.
  const furthest = keys + queries - 1;
  const byDistance = bucketsByDistance({ first: -furthest, end: keys }, buckets);
  const places = constant(() =>
    tf.tensor3d(
      Int32Array.from({ length: queries * keys }, (_, i) => furthest - Math.floor(i / keys) + (i % keys)),
      [1, queries, keys],
      "int32",
    ),
  );
  return tf.gather(byDistance, tf.sub(places, tf.reshape(offsets, [-1, 1, 1])));
}
