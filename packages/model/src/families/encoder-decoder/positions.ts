/**
 * The positions of an encoder-decoder's tokens: embeddings that are added to them, or, in XLNet's blocks, distances that
 * attention takes into account.
 */
import type { KeyValueCache } from "@megatron-ts/attention";
import { constant, embedding } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../errors.ts";
import type { RelativeContext } from "../../layers/block-context.ts";
import type { StepRandomness } from "../../layers/dropout.ts";
import { dropAt } from "../../layers/dropout.ts";
import { positionsAfter } from "../../layers/positions.ts";
import { distanceSinusoids, segmentIdsDiffer } from "../../layers/relative-distances.ts";
import type { EncoderDecoderConfig } from "./configuration.ts";

interface TokenPositions {
  /** int32 [B, T] */
  positions: tf.Tensor;
  /** int32 [B, T] */
  tokenTypes?: tf.Tensor;
}

export interface PositionScheme {
  /** Adds the embeddings to the tokens' own [B, T, h]. */
  addTo(tokenEmbeddings: tf.Tensor, where: TokenPositions): tf.Tensor;
  /** The embeddings alone [B, T, h]. Throws a ModelError if there are none. */
  embeddings(where: TokenPositions): tf.Tensor;
  /** The part of the blocks' context that depends on positions, for T tokens or for tokens after those in a cache. */
  context(
    where: TokenPositions & { cache?: KeyValueCache | null },
    options: { site: string; random?: StepRandomness | null },
  ): Partial<RelativeContext>;
}

export function createPositions(scope: Scope, config: EncoderDecoderConfig, initializer: Initializer): PositionScheme {
  return config.relativeDistances ? relativePositions(config) : learnedPositions(scope, config, initializer);
}

function learnedPositions(
  scope: Scope,
  { hiddenSize, maxPositions, reservedPositions, numTokenTypes }: EncoderDecoderConfig,
  initializer: Initializer,
): PositionScheme {
  const table = (name: string, rows: number) =>
    scope.child(name).parameter("weight", [rows, hiddenSize], initializer, { kind: "embedding" });
  const positionTable = table("positionEmbedding", reservedPositions + maxPositions);
  const tokenTypeTable = numTokenTypes > 0 ? table("tokenTypeEmbedding", numTokenTypes) : null;
  function embeddings({
    positions,
    tokenTypes = constant(() => tf.zeros([1, 1], "int32")),
  }: TokenPositions): tf.Tensor {
    const reserved = () => constant(() => tf.scalar(reservedPositions, "int32"));
    const rows = reservedPositions === 0 ? positions : tf.add(positions, reserved());
    const positioned = embedding(rows, { table: positionTable.tensor });
    return tokenTypeTable ? tf.add(positioned, embedding(tokenTypes, { table: tokenTypeTable.tensor })) : positioned;
  }
  return { embeddings, addTo: (tokens, where) => tf.add(tokens, embeddings(where)), context: () => ({}) };
}

function relativePositions({ hiddenSize, dropout: rate }: EncoderDecoderConfig): PositionScheme {
  return {
    addTo: (tokens) => tokens.clone(),
    embeddings() {
      throw new ModelError("relativeDistances has no position embeddings, which a query stream needs");
    },
    context({ positions, tokenTypes, cache }, { site, random }) {
      const [batchSize, tokens] = positions.shape as [number, number];
      // With a cache, tokens are anywhere among its keys, and see none after themselves.
      const span = cache ? { keys: cache.capacity, tokens: 1 } : { keys: tokens, tokens };
      // A single segment changes no probability, but the segment weights must get a gradient in training.
      const segments = tokenTypes ?? (cache ? null : tf.zeros([batchSize, tokens], "int32"));
      const sinusoids = tf.expandDims(distanceSinusoids({ ...span, hiddenSize }), 0);
      return {
        distances: dropAt(`${site}.distances`, sinusoids, {
          rate,
          random: random && { ...random, firstRow: 0, globalRows: 1 },
        }),
        directions: constant(() => tf.zeros([batchSize], "int32")),
        queryPositions: cache ? positionsAfter(cache.offsets, { tokens }) : null,
        segmentIdsDiffer: segments && segmentIdsDiffer({ tokenTypes: segments }, { past: 0 }),
      };
    },
  };
}
