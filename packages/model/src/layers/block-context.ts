/** The tensors and options that the blocks of one forward share. */
import type { LayerCache } from "@megatron-ts/attention";
import type { BlockLayout } from "@megatron-ts/ops";
import type { Reach } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import type { StepRandomness } from "./dropout.ts";
import type { MemoryCache } from "./memory-cache.ts";
import type { RotaryTables } from "./rotary.ts";

/** What relative attention needs, with R rows of queries and S keys. */
export interface RelativeContext {
  /** [n, P, h]: sinusoids of the distances S, S - 1 and so on; the second, if any, of those negated. */
  distances: tf.Tensor;
  /** int32 [B]: which of them each row counts by. */
  directions: tf.Tensor;
  /** int32 [B, M]: the positions of the last M rows among the keys. The rows before them are the last keys. */
  queryPositions?: tf.Tensor | null;
  /** [B, 1, R, S]: 1 if key and query are in different segments, else 0. */
  segmentIdsDiffer?: tf.Tensor | null;
  /** [B, m, h]: states of earlier tokens, which are keys too. */
  past?: tf.Tensor | null;
}

/** Shared by all blocks of a forward. Tensors are its direct fields, so that a recomputed block finds them again. */
export interface BlockContext extends Partial<RotaryTables>, Partial<RelativeContext> {
  /** int32 [B, T, 2]: the range of keys that each token sees. */
  ranges: tf.Tensor;
  /** Where ranks share the tokens of sequences: which keys of other ranks these see, and their place among all. */
  keysInReach?: (Reach & { start: number; length: number }) | null;
  /** T, where ranks share the rows between attention and feed-forward. */
  rows?: number;
  /** The keys that self-attention sees of those. */
  layout?: BlockLayout | null;
  /** [B, M, T]: row m of each text picks a token with global attention; it is zero where there are fewer than M. */
  globalSelection?: tf.Tensor | null;
  /** Only this many first tokens are keys, and a query stream follows them; default: all. */
  numKeyTokens?: number;
  /** int32 [B, T]: for layers that embed the tokens again. */
  tokens?: tf.Tensor | null;
  /** [B, T, h]: what the first block reads, for those that mix it in. */
  firstEmbedding?: tf.Tensor | null;
  /** Added to the scores of self-attention: [B or 1, H, T, S]. */
  bias?: tf.Tensor | null;
  /** Added by distance: [H, T + S - 1], see `attention`. */
  distanceBias?: tf.Tensor | null;
  cache?: LayerCache | null;
  /** [B, S, h]: what cross-attention attends to. */
  memory?: tf.Tensor | null;
  /** int32 [B, T, 2]: the range of the memory that each token sees. */
  memoryRanges?: tf.Tensor | null;
  memoryCache?: MemoryCache | null;
  random?: StepRandomness | null;
  observe?: ((name: string, tensor: tf.Tensor) => void) | null;
}

/** [B, T, h] -> [B, T, h] */
export type Attention = (x: tf.Tensor, context: BlockContext) => tf.Tensor;
