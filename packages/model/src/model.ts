/**
 * The interfaces of models: inputs, options, outputs and methods. A model supports one or more kinds of prediction
 * (`predictors`): callers ask for the one they need, such as `model.predictors.masked`, never for the family.
 */
import type { CacheOptions, KeyValueCache, PagePool } from "@megatron-ts/attention";
import type { Mesh, Parameters } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import type { BaseConfig } from "./configuration-fields.ts";
import type { Recomputation } from "./layers/block.ts";
import type { StepRandomness } from "./layers/dropout.ts";
import type { MemoryCache } from "./layers/memory-cache.ts";

/** What a model can predict: the next token, masked tokens, tokens in a permuted order, a target from a source. */
export type Prediction = "causal" | "masked" | "permutation" | "sequence-to-sequence";

/** The predictions that generate text. */
export type GenerativePrediction = Exclude<Prediction, "masked">;

/** The predictions that fill masks. */
export type FillPrediction = Extract<Prediction, "masked" | "permutation">;

/** The interfaces of a model, one for each kind of prediction that it supports. */
export interface Predictors {
  readonly causal?: CausalModel;
  readonly masked?: EncoderModel;
  readonly permutation?: PermutationModel;
  readonly "sequence-to-sequence"?: SequenceToSequenceModel;
}

/** A model of any family. */
export interface Model {
  readonly config: BaseConfig;
  readonly mesh: Mesh;
  readonly parameters: Parameters;
  readonly predictors: Predictors;
  /** Frees the weights. */
  dispose(): void;
}

/** The output of a forward, which the caller disposes. A type alias, so that `tf.tidy` accepts it. */
export type ForwardOutput = {
  /** Final states of the tokens [B, T, h], or those for the next stage of a pipeline; under a permutation those of the content stream. */
  hidden: tf.Tensor;
  /** What later stages of a pipeline read besides, such as the encoder's states. */
  carried?: tf.Tensor[];
  /** Final states of the query stream [B, M, h], from which targets are predicted. */
  query?: tf.Tensor;
  /** For each layer [B, past, h], the memory for the next forward; only with `remember`. */
  memory?: tf.Tensor[];
};

/** Options of every forward. */
export interface ForwardOptions {
  /** Turns dropout on. */
  random?: StepRandomness | null;
  /** What the backward pass runs again instead of keeping it (gradient checkpointing). Default: "none". */
  recompute?: Recomputation;
  /** In a pipeline: what the stage before gave as `hidden` and `carried`, in place of the embeddings. The first stage has none. */
  received?: readonly tf.Tensor[] | null;
  /** Which of this rank's stages runs, in an interleaved pipeline. Default: 0. */
  chunk?: number;
  /** [B, T, h] in place of the token embeddings, for attribution. */
  inputEmbeddings?: tf.Tensor | null;
  /**
   * Called with every intermediate by name (`embedding`, `layers.3.attention.probabilities`, `layers.3.feedForward.neurons`, what
   * the second projection multiplies, `layers.3.output`, `finalNorm`). The tensor is disposed after the call. Attention probabilities are only computed if this is given.
   */
  observe?: ((name: string, tensor: tf.Tensor) => void) | null;
}

/** What an explanation of a model's output asks of it besides its forward. */
export interface InspectedModel {
  /** Token ids [B, T] -> the embeddings [B, T, E] that `inputEmbeddings` replaces. */
  embedTokens(tokens: tf.Tensor): tf.Tensor;
  /** The states of any layer [B, T, h] -> what `logits` reads: normalized, in models that end with a norm. */
  finalStates(states: tf.Tensor): tf.Tensor;
}

/** Input of a causal model. */
export interface CausalInput {
  /** int32 [B, T] */
  tokens: tf.Tensor;
  /** int32 [B, T]; default: counted from the cache's length. */
  positions?: tf.Tensor;
  /** int32 [B, T, 2]: the range of keys that each token sees; default: itself and all earlier ones. */
  ranges?: tf.Tensor;
}

/** What a model does not know of its key/value cache. */
export type CacheSize = Pick<CacheOptions, "batchSize" | "capacity" | "reorderable">;

/** Options of a causal model's forward. */
export interface CausalOptions extends ForwardOptions {
  cache?: KeyValueCache | null;
}

/** Reads from left to right and predicts the next token. */
export interface CausalModel extends Model, InspectedModel {
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  forward(input: CausalInput, options?: CausalOptions): ForwardOutput;
  /** Logits [..., V] of hidden states [..., h]. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /**
   * Logits of the configured task: [B, C] of the state of each sequence's last token [B, 1, h]; of all tokens [B, T, h], one
   * of each: [B, T, C] or, for answers, [B, T, 2].
   */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
  /** An empty key/value cache for this model. */
  createCache(options: CacheSize): KeyValueCache;
  /**
   * Keys and values in pages, for sequences that join and leave a batch; null where rows of a batch depend on each other,
   * as they do where rotary positions depend on the longest of them.
   */
  createPagePool(options: { numPages: number; pageSize: number }): PagePool | null;
}

/** Input of an encoder. */
export interface EncoderInput {
  /** int32 [B, T] */
  tokens: tf.Tensor;
  /** int32 [B, T]: the segment of each token; default: 0. */
  tokenTypes?: tf.Tensor;
  /** int32 [B, T]; default: counted by the model. */
  positions?: tf.Tensor;
  /** Number of tokens in each row before its padding, which is on the right; default: all. */
  lengths?: ArrayLike<number>;
  /** int32 [B, T, 2]: the range of tokens that each token sees, instead of `lengths`: left padding, packed documents. */
  ranges?: tf.Tensor;
  /** The positions in each row with global attention, in a layout `local`; default: the configured ones. */
  globalTokens?: readonly (readonly number[])[];
}

/**
 * Reads in both directions and predicts hidden tokens. Each method but `forward` throws a ModelError in a model that was
 * built without that head.
 */
export interface EncoderModel extends Model, InspectedModel {
  /** The position of a text's first token, where given ones count from another than 0 (RoBERTa). */
  readonly firstPosition?: number;
  forward(input: EncoderInput, options?: ForwardOptions): ForwardOutput;
  /** Hidden states [B, T, h] -> one vector per row [B, h]. */
  pooled(hidden: tf.Tensor): tf.Tensor;
  /** Logits [..., V] of hidden states [..., h]: the token at that position. */
  logits(hidden: tf.Tensor): tf.Tensor;
  /** Pooled [B, h] -> logits [B, 2]: whether the second segment follows the first (0: it does). */
  pairLogits(pooled: tf.Tensor): tf.Tensor;
  /** Hidden states [B, T, h] -> logits of the configured task: [B, C], [B, T, C] or, for answers, [B, T, 2]. */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
}

/** Input of a permutation model. The masks add up. A token always sees itself, a target never does, and all see the memory. */
export interface PermutationInput extends Omit<EncoderInput, "positions"> {
  /** [B, T, T]: 1 where token i may not see token j, 0 where it may (XLNet's `perm_mask`). */
  permutationMask?: tf.Tensor;
  /** int32 [B, M]: the positions that the query stream predicts; default: none. */
  targets?: tf.Tensor;
  /** For each layer [B, past, h], the `memory` of an earlier forward. No gradient flows into it. */
  memory?: readonly tf.Tensor[];
  /** For each row, whether its text runs backwards, as half of the rows of bidirectional data do; default: none. */
  reversed?: ArrayLike<number | boolean>;
  /** What the encoder reads, in models that have one. */
  source?: EncoderInput;
}

/** Options of a permutation model's forward. */
export interface PermutationOptions extends ForwardOptions {
  /** Whether to return the memory for the next forward. */
  remember?: boolean;
}

/** Predicts tokens in the order of a permutation (Yang et al. 2019). */
export interface PermutationModel extends Model {
  /** Tensors passed to `observe` have the query stream's rows after the tokens': [B, T + M, h]. */
  forward(input: PermutationInput, options?: PermutationOptions): ForwardOutput;
  /** Logits [..., V] of states [..., h] of either stream. */
  logits(states: tf.Tensor): tf.Tensor;
  /** Hidden states [B, T, h] -> logits of the configured task: [B, C], [B, T, C] or, for answers, [B, T, 2]. */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
  /** In models whose encoder reads a source: the decoder, which decodes with a cache. */
  readonly decoder?: QueryDecoder;
}

/** A decoder whose query stream can be cached while it generates from left to right. */
export interface QueryDecoder extends SequenceToSequenceModel {
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  /** How many positions away a token is still seen. */
  readonly reach: number;
  /** Whether it has position embeddings for a query stream to start from. */
  readonly hasPositionEmbeddings: boolean;
}

/** The encoder's states, and which of them the decoder sees. */
export interface MemoryInput {
  /** [B, S, h], the hidden states from `encode`. */
  memory: tf.Tensor;
  /** Number of states in each row before its padding; default: all. */
  memoryLengths?: ArrayLike<number>;
  /** int32 [B, T, 2]: the range of states that each token sees, instead of `memoryLengths`: packed documents. */
  memoryRanges?: tf.Tensor;
}

/** Input of a decoder with cross-attention. */
export interface TargetInput extends CausalInput, MemoryInput {
  /** int32 [B, T], in models with token types; default: 0. */
  tokenTypes?: tf.Tensor;
}

/** The keys and values of the target so far, and those of the memory. */
export interface DecoderCache extends KeyValueCache {
  readonly memory: MemoryCache;
}

/** Options of a decoder's forward. */
export interface DecoderOptions extends ForwardOptions {
  cache?: DecoderCache | null;
}

/** Reads a source with its encoder and writes a target with its decoder. */
export interface SequenceToSequenceModel extends Model {
  /** Final states of the encoder [B, S, h]. */
  encode(input: EncoderInput, options?: ForwardOptions): ForwardOutput;
  /** Final states of the decoder [B, T, h]: token t sees tokens up to t, and the memory. */
  forward(input: TargetInput, options?: DecoderOptions): ForwardOutput;
  /** Both, without a cache: the states of the decoder; in a pipeline, the part of both stacks that this stage has. */
  encodeAndDecode(source: EncoderInput, target: Omit<TargetInput, "memory">, options?: ForwardOptions): ForwardOutput;
  /** Logits [..., V] of states [..., h] of either stack. */
  logits(states: tf.Tensor): tf.Tensor;
  /**
   * Logits of the configured task: [B, C] of the state of each sequence's last token [B, 1, h], or of all tokens [B, T, h],
   * one of each: [B, T, C] or, for answers, [B, T, 2]. Throws a ModelError in a model without a task.
   */
  taskLogits(hidden: tf.Tensor, options?: Pick<ForwardOptions, "random">): tf.Tensor;
  /** An empty cache for the decoder. The first forward adds the memory's keys: use one cache per memory. */
  createCache(options: CacheSize): DecoderCache;
}
