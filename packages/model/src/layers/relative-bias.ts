/**
 * T5's relative position bias (Raffel et al. 2020, section 2.1): a learned scalar per head and bucket of distances is
 * added to the scores. Half of the buckets hold a single distance, the others grow logarithmically.
 */
import { embedding } from "@megatron-ts/ops";
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

/** Keys 0 to `keys`, and `queries` that follow offsets[b] of them. Default: offset 0, one row for all. */
interface RelativePlaces {
  queries: number;
  keys: number;
  offsets?: ArrayLike<number>;
}

/** A bias for `attention`: [1, H, T, S], or [B, H, T, S] where the rows' offsets differ. */
export type RelativeBias = (places: RelativePlaces) => tf.Tensor;

export function createRelativeBias(
  scope: Scope,
  { numHeads, initializer, ...buckets }: RelativeBuckets & { numHeads: number; initializer: Initializer },
): RelativeBias {
  const table = scope.parameter("weight", [buckets.numBuckets, numHeads], initializer, {
    placement: { dimension: 1, axis: "tensor" },
    kind: "embedding",
  });
  return (places) =>
    tf.tidy(() => tf.transpose(embedding(bucketsAt(places, buckets), { table: table.tensor }), [0, 3, 1, 2]));
}

/** int32 [1 or B, T, S] */
function bucketsAt({ queries, keys, offsets = [0] }: RelativePlaces, buckets: RelativeBuckets): tf.Tensor3D {
  const alike = Array.prototype.every.call(offsets, (offset) => offset === offsets[0]);
  const rows = alike ? [offsets[0]!] : Array.from(offsets);
  const furthest = Math.max(...rows) + queries - 1;
  const byDistance = Int32Array.from({ length: furthest + keys }, (_, i) => relativeBucketOf(i - furthest, buckets));
  const ids = new Int32Array(rows.length * queries * keys);
  rows.forEach((offset, row) => {
    for (let query = 0; query < queries; query++) {
      const start = furthest - offset - query;
      ids.set(byDistance.subarray(start, start + keys), (row * queries + query) * keys);
    }
  });
  return tf.tensor3d(ids, [rows.length, queries, keys], "int32");
}
