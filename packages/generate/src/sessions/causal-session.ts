/** A model that reads from left to right goes on from prompts, with cached keys and values. */
import type { LanguageModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { checkPrompts, lengthsOf, paddedRows, readRows } from "../ragged-rows.ts";
import type { Writer } from "./decoding-session.ts";

export function openCausalWriter(
  model: LanguageModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens }: { maxTokens: number },
): Writer {
  const { maxPositions } = model.config;
  checkPrompts(prompts, { maxPositions });
  const longest = Math.max(...lengthsOf(prompts));
  // One place more than is ever seen: rows that have ended still append there.
  const capacity = Math.min(longest + maxTokens - 1, maxPositions) + 1;
  const cache = model.createCache({ batchSize: prompts.length, capacity });

  /**
   * Appends each row's tokens. Shorter rows are padded on the right: what is appended for the padding lies beyond the
   * row's length and is never seen.
   */
  function append(fresh: readonly ArrayLike<number>[]): Float32Array[] {
    const lengths = lengthsOf(fresh);
    const logits = readRows(() => {
      const tokens = paddedRows(fresh);
      const width = tokens.shape[1];
      const places = fresh.map(({ length }, row) =>
        Array.from({ length: width }, (_, i) => (i < length ? cache.lengths[row]! + i : 0)),
      );
      const hidden = model.hidden({ tokens, positions: tf.tensor2d(places, tokens.shape, "int32") }, { cache });
      const last = lengths.map((length, row) => row * width + Math.max(length - 1, 0));
      const flat = tf.reshape(hidden, [tokens.size, -1]);
      return model.logits(tf.gather(flat, tf.tensor1d(last, "int32")));
    });
    cache.advance(lengths);
    return logits;
  }

  return {
    begun: prompts,
    // The token at the last position still predicts one more.
    room: prompts.map(({ length }) => maxPositions - length + 1),
    first: () => append(prompts),
    next: (fresh) => append(fresh.map((token) => (token === null ? [] : [token]))),
    dispose: () => cache.dispose(),
  };
}
