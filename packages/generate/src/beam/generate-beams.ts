/** Generates the best texts for each prompt by beam search. */
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { FinishReason } from "../decoding.ts";
import { encodePrompts, type Frame } from "../prompts/encode-prompts.ts";
import type { SpecialTokens } from "../prompts/prompt-encoding.ts";
import { skippedTokens } from "../prompts/skipped-tokens.ts";
import { type BeamSearchOptions, beamSearch } from "./beam-search.ts";

/** Options of `generateBeams`; tokens that it does not name are the tokenizer's, as for `generate`. */
export interface GenerateBeamsOptions extends BeamSearchOptions {
  /** What special tokens spelled out in a prompt become. Default "text". */
  specialTokens?: SpecialTokens;
  /** What surrounds a text that an encoder reads, as for `generate`. Default: "end". */
  frame?: Frame;
}

/** One of the best texts for a prompt. */
export interface BeamCompletion {
  text: string;
  /** The sum of the tokens' log-probabilities / length ^ penalty. */
  score: number;
  generatedTokens: number;
  finishReason: FinishReason;
}

/**
 * The `numReturn` best texts for each prompt, best first: continuations of the prompt or, by an encoder-decoder with a causal
 * decoder, texts of their own. Throws a GenerateError for a prompt or an option that cannot be used.
 */
export function generateBeams(
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  prompts: readonly string[],
  options: GenerateBeamsOptions,
): BeamCompletion[][] {
  const { prompts: encoded, continues, ...special } = encodePrompts({ model, tokenizer }, prompts, options);
  const skipped = skippedTokens(tokenizer);
  const textOf = (prompt: Int32Array, tokens: readonly number[]) => {
    const decoder = tokenizer.createDecoder();
    const push = (token: number) => (skipped.has(token) ? "" : decoder.push(token));
    // A word's leading space is only decoded if something precedes it.
    if (continues) prompt.forEach(push);
    return tokens.map(push).join("") + decoder.flush();
  };
  return beamSearch(model, encoded, { ...options, ...special }).map((beams, index) =>
    beams.map(({ tokens, score }) => ({
      text: textOf(encoded[index]!, tokens),
      score,
      generatedTokens: tokens.length,
      finishReason: special.stopTokens.includes(tokens.at(-1) ?? -1) ? "stop" : "length",
    })),
  );
}
