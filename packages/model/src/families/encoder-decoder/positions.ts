/**
 * How the tokens of an encoder-decoder know where they stand: by embeddings that are added to them, or, in XLNet's
 * blocks, by distances that attention is told.
 */
import type { KeyValueCache } from "@megatron-ts/attention";
import { embedding } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import { dropAt } from "../../layers/dropout.ts";
import { positionsFrom } from "../../layers/positions.ts";
import type { RelativeContext } from "../../layers/relative-attention.ts";
import { distanceSinusoids, otherSegments } from "../../layers/relative-distances.ts";
import type { StepRandomness } from "../../model.ts";
import type { EncoderDecoderConfig } from "./configuration.ts";

export interface Where {
  /** int32 [B, T] */
  positions: tf.Tensor;
  /** int32 [B, T] */
  tokenTypes?: tf.Tensor;
}

export interface Places {
  /** Words [B, T, h] with what is added to them. */
  add(words: tf.Tensor, where: Where): tf.Tensor;
  /** What is added, alone: [B, T, h]. Throws a ModelError where nothing is. */
  alone(where: Where): tf.Tensor;
  /** What attention is told of T tokens, or of tokens behind what a cache holds. */
  tell(
    where: Where & { cache?: KeyValueCache | null },
    options: { site: string; random?: StepRandomness | null },
  ): Partial<RelativeContext>;
}

export function createPlaces(scope: Scope, config: EncoderDecoderConfig, initializer: Initializer): Places {
  return config.relativeDistances ? relativePlaces(config) : learnedPlaces(scope, config, initializer);
}

function learnedPlaces(
  scope: Scope,
  { hiddenSize, maxPositions, numTokenTypes }: EncoderDecoderConfig,
  initializer: Initializer,
): Places {
  const table = (name: string, rows: number) => scope.child(name).parameter("weight", [rows, hiddenSize], initializer);
  const positionTable = table("positionEmbedding", maxPositions);
  const tokenTypeTable = numTokenTypes > 0 ? table("tokenTypeEmbedding", numTokenTypes) : null;
  function alone({ positions, tokenTypes = tf.zeros([1, 1], "int32") }: Where): tf.Tensor {
    const places = embedding(positions, { table: positionTable.tensor });
    return tokenTypeTable ? tf.add(places, embedding(tokenTypes, { table: tokenTypeTable.tensor })) : places;
  }
  return { alone, add: (words, where) => tf.add(words, alone(where)), tell: () => ({}) };
}

function relativePlaces({ hiddenSize, dropout: rate }: EncoderDecoderConfig): Places {
  return {
    add: (words) => words.clone(),
    alone() {
      throw new ModelError("a query stream starts from position embeddings, of which relativeDistances has none");
    },
    tell({ positions, tokenTypes, cache }, { site, random }) {
      const [batchSize, tokens] = positions.shape as [number, number];
      // Behind a cache, tokens stand anywhere among its keys, and see none that are behind them.
      const span = cache ? { keys: cache.capacity, tokens: 1 } : { keys: tokens, tokens };
      // All of one segment changes no probability, but the weights that judge segments must be reached in training.
      const segments = tokenTypes ?? (cache ? null : tf.zeros([batchSize, tokens], "int32"));
      const sinusoids = tf.expandDims(distanceSinusoids({ ...span, hiddenSize }), 0);
      return {
        distances: dropAt(`${site}.distances`, sinusoids, {
          rate,
          random: random && { ...random, firstRow: 0, globalRows: 1 },
        }),
        directions: tf.zeros([batchSize], "int32"),
        places: cache ? positionsFrom(cache.lengths, { tokens, maxPositions: Number.POSITIVE_INFINITY }) : null,
        otherSegment: segments && otherSegments({ tokenTypes: segments }, { past: 0 }),
      };
    },
  };
}
