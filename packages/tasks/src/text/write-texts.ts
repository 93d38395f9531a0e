/** The texts that a model writes after its sources, by beam search. */
import { beamSearch } from "@megatron-ts/generate";
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { TextPair, TextPrediction, TextTokens } from "./text-pair.ts";

/** A written text, and its log-probability / length ^ penalty. A type alias, which fits an index signature. */
export type WrittenText = { text: string; score: number };

/** How to write. */
export interface WriteOptions {
  prediction: TextPrediction;
  tokens: TextTokens;
  tokenizer: Tokenizer;
  numBeams: number;
  lengthPenalty: number;
  noRepeatNgramSize: number;
  maxTokens: number;
  /** What ends a text. Default: the end-of-text token. */
  stopTokens?: readonly number[];
}

/** The best text for each source. */
export function writeTexts(
  model: Model,
  pairs: readonly Pick<TextPair, "source">[],
  { prediction, tokens, tokenizer, stopTokens = [tokens.end], ...search }: WriteOptions,
): WrittenText[] {
  const found = beamSearch(
    model,
    pairs.map(({ source }) => source),
    {
      ...search,
      prediction,
      startToken: tokens.start,
      stopTokens,
      // Greedy decoding is one beam that ends with its first stop token.
      earlyStopping: search.numBeams === 1,
    },
  );
  const special = new Set(tokenizer.specialTokens.values());
  return found.map(([best], index) => {
    const decoder = tokenizer.createDecoder({ skipSpecialTokens: true });
    // A word's leading space is only decoded if something precedes it.
    if (prediction === "causal") {
      for (const token of pairs[index]!.source) if (!special.has(token)) decoder.push(token);
    }
    const text = best!.tokens.map((token) => (special.has(token) ? "" : decoder.push(token))).join("");
    return { text: (text + decoder.flush()).trim(), score: best!.score };
  });
}
