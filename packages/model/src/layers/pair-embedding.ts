/** An embedding of each token with the one before it, by a hash of the two (Jordan et al., modded-nanogpt, 2025). */
import { constant, embedding } from "@megatron-ts/ops";
import { type Scope, zeros } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { PreviousTokens } from "./previous-tokens.ts";

/** The largest int32. */
const LARGEST = 2 ** 31 - 1;

/** A multiplier that spreads pairs over the rows, and with which no product of a token leaves int32. */
const multiplierFor = (vocabularySize: number) =>
  Math.max(1, Math.min(36_313, Math.floor((LARGEST - vocabularySize) / vocabularySize)));

/**
 * Creates the table [rows, h], at first zeros: adds the row of each pair to x [B, T, h]. Row 0 is that of tokens with nothing before
 * them; a pair (p, t) has row 1 + (p m + t) mod (rows - 1).
 */
export function createPairEmbedding(
  scope: Scope,
  { rows, hiddenSize, vocabularySize }: { rows: number; hiddenSize: number; vocabularySize: number },
): (x: tf.Tensor, pairs: PreviousTokens) => tf.Tensor {
  const table = scope.parameter("weight", [rows, hiddenSize], zeros, { kind: "embedding" });
  const integer = (value: number) => constant(() => tf.scalar(value, "int32"));
  return (x, { tokens, previous, exists }) => {
    const hash = tf.add(tf.mul(previous, integer(multiplierFor(vocabularySize))), tokens);
    const modulus = integer(rows - 1);
    const rest = tf.sub(hash, tf.mul(tf.floorDiv(hash, modulus), modulus));
    const ids = tf.mul(tf.add(rest, integer(1)), exists);
    return tf.add(x, embedding(ids, { table: table.tensor }));
  };
}
