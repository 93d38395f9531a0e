/**
 * Decodes with an encoder-decoder model whose decoder predicts the next token. The encoder reads the prompts once; the
 * decoder's self-attention and cross-attention keys and values are cached.
 */
import { longestSequence, type SequenceToSequenceModel } from "@megatron-ts/model";
import { captured } from "@megatron-ts/ops";
import { GenerateError } from "../errors.ts";
import { checkToken } from "../prompts/check-prompts.ts";
import { readRows } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";
import { logitsOf, nextRanges, weightsOf } from "./step-inputs.ts";

export function openSequenceToSequenceSession(
  model: SequenceToSequenceModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens, startToken, beams = 1 }: SessionOptions,
): DecodingSession {
  if (startToken === undefined) {
    throw new GenerateError("encoder-decoder models need a startToken: expected a token id");
  }
  checkToken(startToken, "the start token", model.config);
  const sources = encodeSources(model, prompts, { beams });
  const longest = longestSequence(model.config);
  const batchSize = prompts.length * beams;
  // One slot more than is ever attended to: finished rows still write there.
  const cache = model.createCache({ batchSize, capacity: Math.min(maxTokens, longest) + 1, reorderable: beams > 1 });

  const step = captured(
    (tokens, positions, ranges) => {
      const input = { tokens: tokens!, positions: positions!, ranges: ranges!, ...sources };
      return [logitsOf(model, model.forward(input, { cache }).hidden)];
    },
    {
      inputs: [{ shape: [batchSize, 1] }, { shape: [batchSize, 1] }, { shape: [batchSize, 1, 2] }],
      ...weightsOf(model),
    },
  );

  function append(column: readonly (number | null)[]): Float32Array[] {
    const tokens = Int32Array.from(column, (token) => token ?? startToken!);
    const positions = cache.lengths.map((length, row) => (column[row] === null ? 0 : length));
    const logits = readRows(() => step.run(tokens, positions, nextRanges(cache.lengths))[0]!);
    cache.advance(column.map((token) => (token === null ? 0 : 1)));
    return logits;
  }

  return {
    promptTokens: Array.from({ length: batchSize }, () => []),
    maxNewTokens: Array.from({ length: batchSize }, () => longest),
    prefill: () => append(Array.from({ length: batchSize }, () => startToken)),
    decodeStep: append,
    reorder: cache.reorder,
    dispose() {
      step.dispose();
      cache.dispose();
      sources.dispose();
    },
  };
}
