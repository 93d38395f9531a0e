/**
 * Beam search over the sequences that a model may generate, for several prompts at once, with cached keys and values. A
 * prompt gives the same sequences alone and in a batch.
 */
import type { Model } from "@megatron-ts/model";
import { checkPrompts } from "../prompts/check-prompts.ts";
import type { SessionOptions } from "../sessions/decoding-session.ts";
import { openDecodingSession } from "../sessions/open-decoding-session.ts";
import { createBeamGroups } from "./beam-groups.ts";
import type { Beam, BeamStep } from "./beams.ts";
import { type BeamOptions, beamOptions } from "./options.ts";

/** Options of `beamSearch`. */
export interface BeamSearchOptions extends BeamOptions, Omit<SessionOptions, "beams"> {
  /** Token ids that end a sequence. */
  stopTokens?: readonly number[];
}

/**
 * The best sequences of token ids for each prompt, best first. Causal and permutation models continue a prompt;
 * encoder-decoders read it. Throws a GenerateError for an empty prompt, one longer than the model takes, or an option out of
 * range.
 */
export function beamSearch(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  { stopTokens = [], ...options }: BeamSearchOptions,
): Beam[][] {
  const { numReturn, ...search } = beamOptions(options);
  const { numBeams } = search;
  if (prompts.length === 0) return [];
  checkPrompts(prompts, model.config);
  if (options.maxTokens < 1) return prompts.map(() => [{ tokens: [], score: 0 }]);
  const session = openDecodingSession(model, prompts, { ...options, beams: numBeams });
  try {
    const { startToken } = options;
    const all = prompts.map((_, index) => {
      const row = index * numBeams;
      const prefix = [...Array.from(session.promptTokens[row]!)];
      if (prefix.length === 0 && startToken !== undefined) prefix.push(startToken);
      const maxTokens = Math.min(options.maxTokens, session.maxNewTokens[row]!);
      return createBeamGroups({ ...search, stopTokens, maxTokens, prefix });
    });
    let logits = session.prefill();
    const done = new Set<number>();
    while (true) {
      const parents = logits.map((_, row) => row);
      const tokens: (number | null)[] = logits.map(() => null);
      for (const [index, beams] of all.entries()) {
        if (done.has(index)) continue;
        const first = index * numBeams;
        const step = beams.advance(logits.slice(first, first + numBeams));
        if (!step) done.add(index);
        else place(step, first, { parents, tokens });
      }
      if (done.size === prompts.length) return all.map(({ finished }) => finished.slice(0, numReturn));
      if (numBeams > 1) session.reorder(parents);
      logits = session.decodeStep(tokens);
    }
  } finally {
    session.dispose();
  }
}

/** Writes a prompt's step to the rows of its beams. */
function place(
  step: BeamStep,
  first: number,
  { parents, tokens }: { parents: number[]; tokens: (number | null)[] },
): void {
  for (const [beam, token] of step.tokens.entries()) {
    parents[first + beam] = first + step.parents[beam]!;
    tokens[first + beam] = token;
  }
}
