/**
 * Decodes with an encoder-decoder model whose decoder predicts the next token. The encoder reads the prompts once; the
 * decoder's self-attention and cross-attention keys and values are cached.
 */
import { longestSequence, type SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { readRows } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";

export function openSequenceToSequenceSession(
  model: SequenceToSequenceModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens, startToken }: SessionOptions,
): DecodingSession {
  if (startToken === undefined) {
    throw new GenerateError("encoder-decoder models need a startToken: expected a token id");
  }
  const sources = encodeSources(model, prompts);
  const longest = longestSequence(model.config);
  const batchSize = prompts.length;
  // One slot more than is ever attended to: finished rows still write there.
  const cache = model.createCache({ batchSize, capacity: Math.min(maxTokens, longest) + 1 });

  function append(column: readonly (number | null)[]): Float32Array[] {
    const logits = readRows(() => {
      const toTensor = (values: ArrayLike<number>) => tf.tensor2d(Int32Array.from(values), [batchSize, 1], "int32");
      const tokens = toTensor(column.map((token) => token ?? startToken!));
      const positions = toTensor(column.map((token, row) => (token === null ? 0 : cache.lengths[row]!)));
      return model.logits(model.forward({ tokens, positions, ...sources }, { cache }).hidden);
    });
    cache.advance(column.map((token) => (token === null ? 0 : 1)));
    return logits;
  }

  return {
    promptTokens: prompts.map(() => []),
    maxNewTokens: prompts.map(() => longest),
    prefill: () => append(prompts.map(() => startToken)),
    decodeStep: append,
    dispose() {
      cache.dispose();
      sources.memory.dispose();
    },
  };
}
