/** The decoding loop with a draft: prompts are sequences of one batch, whose pages hold all of their tokens. */
import type { Model } from "@megatron-ts/model";
import { createBatch } from "../batching/create-batch.ts";
import type { DecodedToken, DecodeOptions } from "../decoding.ts";
import type { SpeculationOptions } from "./options.ts";

/** An upper bound on the tokens in a page: the cache of each sequence is rounded up to whole pages. */
const LARGEST_PAGE = 64;

/** Like `decode`, of which it is the part with a draft. */
export function* decodeSpeculatively(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  { draft, prediction, bidirectionalPrompt, ...options }: DecodeOptions & { draft: SpeculationOptions },
): Generator<DecodedToken, void, boolean | undefined> {
  const cacheTokens = prompts.reduce((sum, { length }) => sum + length + options.maxTokens + LARGEST_PAGE, 0);
  const mode = { prediction, bidirectionalPrompt };
  const batch = createBatch(model, { ...mode, maxSequences: prompts.length, cacheTokens, draft });
  try {
    const rows = new Map(prompts.map((prompt, stream) => [batch.add({ ...options, prompt, stream }), stream]));
    while (batch.running + batch.waiting > 0) {
      for (const { sequence, token, finishReason, score, error } of batch.step()) {
        const row = rows.get(sequence);
        // Ended by the consumer, after an earlier token of this step.
        if (row === undefined) continue;
        if (error) throw error;
        if (token === null) continue;
        const ended = yield { row, token, finishReason, ...(score && { score }) };
        if (!ended) continue;
        batch.remove(sequence);
        rows.delete(sequence);
      }
    }
  } finally {
    batch.dispose();
  }
}
