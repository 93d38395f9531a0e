/**
 * An encoder reads the prompts, a decoder that was trained to predict the next token writes. The encoder runs once; the
 * decoder's keys and those of the encoder's states are cached.
 */
import { longestSequence, type SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { readRows } from "../ragged-rows.ts";
import type { Writer } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";

export function openSequenceWriter(
  model: SequenceToSequenceModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens, startToken }: { maxTokens: number; startToken?: number },
): Writer {
  if (startToken === undefined) throw new GenerateError("this model's decoder needs a startToken to begin with");
  const sources = encodeSources(model, prompts);
  const longest = longestSequence(model.config);
  const batchSize = prompts.length;
  // One place more than is ever seen: rows that have ended still append there.
  const cache = model.createCache({ batchSize, capacity: Math.min(maxTokens, longest) + 1 });

  function append(fresh: readonly (number | null)[]): Float32Array[] {
    const logits = readRows(() => {
      const column = (values: ArrayLike<number>) => tf.tensor2d(Int32Array.from(values), [batchSize, 1], "int32");
      const tokens = column(fresh.map((token) => token ?? startToken!));
      const positions = column(fresh.map((token, row) => (token === null ? 0 : cache.lengths[row]!)));
      return model.logits(model.hidden({ tokens, positions, ...sources }, { cache }));
    });
    cache.advance(fresh.map((token) => (token === null ? 0 : 1)));
    return logits;
  }

  return {
    begun: prompts.map(() => []),
    room: prompts.map(() => longest),
    first: () => append(prompts.map(() => startToken)),
    next: append,
    dispose() {
      cache.dispose();
      sources.memory.dispose();
    },
  };
}
