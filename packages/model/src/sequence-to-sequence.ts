/** What a model that reads one text and writes another takes, and what it can do. */
import type { KeyValueCache } from "@megatron-ts/attention";
import type * as tf from "@tensorflow/tfjs";
import type { MemoryCache } from "./layers/memory-cache.ts";
import type { EncoderInput, EncoderOptions, ForwardOptions, Model, ModelInput } from "./model.ts";

/** The encoder's states, and what of them the decoder may see. */
export interface MemoryInput {
  /** [B, S, h], from `encode`. */
  memory: tf.Tensor;
  /** States of each row that are not padding; all unless given. */
  memoryLengths?: ArrayLike<number>;
  /** int32 [B, T, 2]: the states that each token may see, instead of `memoryLengths`: packed documents. */
  memoryRanges?: tf.Tensor;
}

export interface TargetInput extends ModelInput, MemoryInput {
  /** int32 [B, T], in models with token types; 0 unless given. */
  tokenTypes?: tf.Tensor;
}

/** What decoding keeps: the keys and values of the tokens so far, and those of the memory. */
export interface DecoderCache extends KeyValueCache {
  readonly memory: MemoryCache;
}

export interface DecoderOptions extends ForwardOptions {
  cache?: DecoderCache | null;
}

export interface SequenceToSequenceModel extends Model {
  /** Final states of the encoder [B, S, h]. */
  encode(input: EncoderInput, options?: EncoderOptions): tf.Tensor;
  /** Final states of the decoder [B, T, h]: token t sees tokens up to t, and the memory. */
  hidden(input: TargetInput, options?: DecoderOptions): tf.Tensor;
  /** Logits [..., V] of states [..., h], the decoder's or the encoder's. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /** An empty cache for the decoder. The memory's keys enter it with the first forward: one cache a memory. */
  createCache(options: { batchSize: number; capacity: number }): DecoderCache;
}
