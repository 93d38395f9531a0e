/** How probable a causal model finds tokens of a text, given those before them. */

import { type Model, predictorOf } from "@megatron-ts/model";
import { crossEntropy } from "@megatron-ts/ops";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { finiteValues } from "./finite-values.ts";
import { specialTokens } from "./text-encoder.ts";

/** Tokens, of which those from `from` on are scored: at least the one behind the first. */
export interface ScoredText {
  ids: Int32Array;
  from: number;
}

/** What a model says of a text's scored tokens. */
export interface TokenScores {
  /** Sum of their log-probabilities, in nats. */
  logProbability: number;
  tokens: number;
  /** Whether each of them is the most probable. */
  isGreedy: boolean;
}

/** The tokens that stand before a text: the tokenizer's own, or else the one that ends documents. */
export function contextTokens(tokenizer: Tokenizer): number[] {
  const { before } = specialTokens(tokenizer);
  if (before.length > 0) return before;
  return tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
}

/** Scores texts together, padded on the right, where no token sees the padding. */
export function scoreTexts(model: Model, texts: readonly ScoredText[]): TokenScores[] {
  const causal = predictorOf(model, "causal");
  const longest = Math.max(...texts.map(({ ids }) => ids.length)) - 1;
  const tokens = new Int32Array(texts.length * longest);
  const labels = new Int32Array(texts.length * longest).fill(-1);
  for (const [row, { ids, from }] of texts.entries()) {
    tokens.set(ids.subarray(0, -1), row * longest);
    labels.set(ids.subarray(from), row * longest + from - 1);
  }
  const [own, best] = tf.tidy(() => {
    const { hidden } = causal.forward({ tokens: tf.tensor2d(tokens, [texts.length, longest], "int32") });
    const logits = causal.logits(hidden);
    const flat = tf.reshape(logits, [texts.length * longest, logits.shape[2]!]);
    return [crossEntropy(flat, { labels: tf.tensor1d(labels, "int32") }), tf.argMax(flat, 1)];
  }) as [tf.Tensor, tf.Tensor];
  const [losses, highest] = [finiteValues(own.dataSync()), best.dataSync()];
  tf.dispose([own, best]);
  return texts.map(({ ids, from }, row) => {
    let [sum, isGreedy] = [0, true];
    for (let place = from - 1; place < ids.length - 1; place++) {
      const index = row * longest + place;
      sum -= losses[index]!;
      isGreedy &&= highest[index] === labels[index];
    }
    return { logProbability: sum, tokens: ids.length - from, isGreedy };
  });
}
