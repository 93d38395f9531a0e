/** Decodes with a causal language model: it continues the prompts, with keys and values cached. */
import { paddedRanges } from "@megatron-ts/attention";
import type { CausalModel } from "@megatron-ts/model";
import { captured } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { padRows, readRows, repeatEach, rowLengths } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { logitsOf, nextRanges, weightsOf } from "./step-inputs.ts";

export function openCausalSession(
  model: CausalModel,
  texts: readonly ArrayLike<number>[],
  { maxTokens, beams = 1, bidirectionalPrompt }: Pick<SessionOptions, "maxTokens" | "beams" | "bidirectionalPrompt">,
): DecodingSession {
  const prompts = repeatEach(texts, beams);
  const { maxPositions } = model;
  const longest = Math.max(...rowLengths(prompts));
  // One slot more than is ever attended to: finished rows still write there.
  const capacity = Math.min(longest + maxTokens - 1, maxPositions) + 1;
  const batchSize = prompts.length;
  const cache = model.createCache({ batchSize, capacity, reorderable: beams > 1 });

  /** Rows are padded on the right; what is cached for padding lies beyond the row's length and is never attended to. */
  function prefill(): Float32Array[] {
    const lengths = rowLengths(prompts);
    const logits = readRows(() => {
      const tokens = padRows(prompts);
      const width = tokens.shape[1];
      const ranges = bidirectionalPrompt ? paddedRanges({ tokens: width, lengths }) : undefined;
      const { hidden } = model.forward({ tokens, ranges }, { cache });
      const last = lengths.map((length, row) => row * width + length - 1);
      const flat = tf.reshape(hidden, [tokens.size, -1]); // [B * T, h]
      return logitsOf(model, tf.gather(flat, tf.tensor1d(last, "int32")));
    });
    cache.advance(lengths);
    return logits;
  }

  const step = captured(
    (tokens, positions, ranges) => {
      const { hidden } = model.forward({ tokens: tokens!, positions: positions!, ranges: ranges! }, { cache });
      return [logitsOf(model, tf.reshape(hidden, [batchSize, -1]))];
    },
    {
      inputs: [{ shape: [batchSize, 1] }, { shape: [batchSize, 1] }, { shape: [batchSize, 1, 2] }],
      ...weightsOf(model),
    },
  );

  /** A finished row repeats token 0 at position 0, which is cached beyond its length. */
  function decodeStep(tokens: readonly (number | null)[]): Float32Array[] {
    const ids = Int32Array.from(tokens, (token) => token ?? 0);
    const positions = cache.lengths.map((length, row) => (tokens[row] === null ? 0 : length));
    const logits = readRows(() => step.run(ids, positions, nextRanges(cache.lengths))[0]!);
    cache.advance(tokens.map((token) => (token === null ? 0 : 1)));
    return logits;
  }

  return {
    promptTokens: prompts,
    // The token at the last position still predicts one more.
    maxNewTokens: prompts.map(({ length }) => maxPositions - length + 1),
    prefill,
    decodeStep,
    reorder: cache.reorder,
    dispose() {
      step.dispose();
      cache.dispose();
    },
  };
}
