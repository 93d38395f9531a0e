/** Decodes with a causal language model: it continues the prompts, with keys and values cached. */
import type { CausalModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, readRows, rowLengths } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";

export function openCausalSession(
  model: CausalModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens }: Pick<SessionOptions, "maxTokens">,
): DecodingSession {
  const { maxPositions } = model;
  const longest = Math.max(...rowLengths(prompts));
  // One slot more than is ever attended to: finished rows still write there.
  const capacity = Math.min(longest + maxTokens - 1, maxPositions) + 1;
  const cache = model.createCache({ batchSize: prompts.length, capacity });

  /** Rows are padded on the right; what is cached for padding lies beyond the row's length and is never attended to. */
  function append(rows: readonly ArrayLike<number>[]): Float32Array[] {
    const lengths = rowLengths(rows);
    const logits = readRows(() => {
      const tokens = padRows(rows);
      const width = tokens.shape[1];
      const positions = rows.map(({ length }, row) =>
        Array.from({ length: width }, (_, i) => (i < length ? cache.lengths[row]! + i : 0)),
      );
      const hidden = model.forward(
        { tokens, positions: tf.tensor2d(positions, tokens.shape, "int32") },
        { cache },
      ).hidden;
      const last = lengths.map((length, row) => row * width + Math.max(length - 1, 0));
      const flat = tf.reshape(hidden, [tokens.size, -1]); // [B * T, h]
      return model.logits(tf.gather(flat, tf.tensor1d(last, "int32")));
    });
    cache.advance(lengths);
    return logits;
  }

  return {
    promptTokens: prompts,
    // The token at the last position still predicts one more.
    maxNewTokens: prompts.map(({ length }) => maxPositions - length + 1),
    prefill: () => append(prompts),
    decodeStep: (tokens) => append(tokens.map((token) => (token === null ? [] : [token]))),
    dispose: () => cache.dispose(),
  };
}
