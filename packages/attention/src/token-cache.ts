/**
 * The tokens of a cache, for models whose embeddings look at the token before. Kept where keys are, as numbers that f32 holds
 * exactly, so that rows of different lengths and captured steps find them as they find keys.
 */
import { cacheAppend, constant, gatherPages } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** The tokens of all rows. */
export interface TokenCache {
  /** Appends tokens int32 [B, T] at the rows' lengths, and returns the one before each; before a row's first one, any. */
  append(tokens: tf.Tensor): tf.Tensor;
  dispose(): void;
}

/**
 * Creates an empty cache of tokens beside one of keys: it reads the page table int32 [B, P], whose pages hold `pageSize` tokens, and
 * the lengths int32 [B] of that.
 */
export function createTokenCache({
  pageSize,
  pageTable,
  offsets,
}: {
  pageSize: number;
  pageTable: tf.Tensor;
  offsets: tf.Tensor;
}): TokenCache {
  const [batchSize, pagesPerRow] = pageTable.shape as [number, number];
  const capacity = pagesPerRow * pageSize;
  const kept = tf.keep(tf.zeros([batchSize * pagesPerRow, pageSize, 1, 1]));

  function append(tokens: tf.Tensor): tf.Tensor {
    const count = tokens.shape[1]!;
    /** The place before each token's, if its row were empty, in the tokens of all rows one after another. */
    const before = () =>
      tf.tensor2d(
        Int32Array.from({ length: batchSize * count }, (_, i) => Math.floor(i / count) * capacity + (i % count) - 1),
        [batchSize, count],
        "int32",
      );
    return tf.tidy(() => {
      const values = tf.reshape(tf.cast(tokens, "float32"), [batchSize, count, 1, 1]);
      cacheAppend(kept, { values, pageTable, positions: offsets });
      const places = tf.add(constant(before), tf.reshape(offsets, [batchSize, 1]));
      const first = constant(() => tf.scalar(0, "int32"));
      const flat = tf.reshape(gatherPages(kept, pageTable), [batchSize * capacity]);
      return tf.cast(tf.gather(flat, tf.maximum(places, first)), "int32");
    });
  }

  return { append, dispose: () => kept.dispose() };
}
