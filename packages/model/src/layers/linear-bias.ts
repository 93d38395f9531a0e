/**
 * Attention with linear biases (ALiBi, Press et al. 2022): instead of positions, each head lowers the score of a key in
 * proportion to its distance. The slopes are those of the paper's code for any number of heads.
 */
import { constant } from "@megatron-ts/ops";
import type { Mesh } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** The slope of each head: a geometric sequence, and where heads are no power of two every other one of the next, too. */
export function linearBiasSlopes(numHeads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(numHeads));
  const sequence = (count: number) => Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count));
  const between = sequence(2 * power).filter((_, i) => i % 2 === 0);
  return [...sequence(power), ...between.slice(0, numHeads - power)];
}

/** Where queries are among the keys. */
interface LinearBiasPlaces {
  queries: number;
  keys: number;
  /** int32 [B]: the key position of each row's first query. Default: 0. */
  offsets?: tf.Tensor;
  /** The key position of the first query of every row, where that is known without offsets. Default: 0. */
  firstQuery?: number;
}

/**
 * The bias by distance of this rank's heads, [H, T + S - 1]. Rows with other offsets than the furthest get that row's, which
 * adds the same to all scores of a query, so that its probabilities are the same.
 */
export function linearBias(
  { queries, keys, offsets, firstQuery = 0 }: LinearBiasPlaces,
  { numHeads, mesh }: { numHeads: number; mesh: Mesh },
): tf.Tensor {
  const { rank, size } = mesh.tensor;
  const count = numHeads / size;
  const slopes = constant(() =>
    tf.tensor2d(linearBiasSlopes(numHeads).slice(rank * count, (rank + 1) * count), [count, 1]),
  );
  return tf.tidy(() => {
    const distances = constant(() => tf.range(1 - queries - firstQuery, keys - firstQuery, 1, "float32"));
    return tf.mul(slopes, offsets ? tf.sub(distances, tf.cast(tf.max(offsets), "float32")) : distances);
  });
}
