/** Fills the masked tokens of a text, with a model that reads in both directions: BERT, RoBERTa or XLNet. */
import { type FillPrediction, familyOf, longestSequence, type Model } from "@megatron-ts/model";
import { specialTokenId, specialTokenNames, type Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "./errors.ts";
import { maskLogits } from "./masks/mask-logits.ts";
import { type MaskPrediction, mostLikely } from "./masks/most-likely.ts";
import { addSpecialTokens } from "./prompts/add-special-tokens.ts";
import { promptEncoding, type SpecialTokens } from "./prompts/prompt-encoding.ts";

/** A text with its masks filled. */
export interface FilledText {
  /** The text with the most likely token in place of each mask, as the tokenizer decodes it. */
  text: string;
  /** The most likely tokens for each mask, best first. */
  masks: MaskPrediction[][];
}

/** Options of `fillMasks`. */
export interface FillOptions {
  /** Number of predictions for each mask. Default: 5. */
  topK?: number;
  /** How the model predicts, if it can in several ways. Default: the one that the model's family prefers. */
  prediction?: FillPrediction;
  /**
   * What special tokens spelled out in a text become, other than masks: text like any other, or their ids. Default "text".
   */
  specialTokens?: SpecialTokens;
}

/**
 * Fills the mask tokens of each text ("[MASK]", "<mask>"), independently of each other. Throws a GenerateError for a
 * text without masks or longer than the model takes, and a ModelError for a model without a language modeling head.
 */
export function fillMasks(
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  texts: readonly string[],
  { topK = 5, prediction = defaultFill(model), specialTokens }: FillOptions = {},
): FilledText[] {
  if (!Number.isInteger(topK) || topK < 1) {
    throw new GenerateError(`top-k must be an integer >= 1 to fill masks, got ${topK}`);
  }
  if (texts.length === 0) return [];
  const mask = maskTokenOf(tokenizer);
  const longest = longestSequence(model.config);
  const encoding = promptEncoding(tokenizer, specialTokens);
  const rows = texts.map((text) => {
    const { textTokens, tokens, textStart, tokenTypes } = addSpecialTokens({ prediction, tokenizer }, text, encoding);
    const masked = [...textTokens.keys()].filter((index) => textTokens[index] === mask);
    if (masked.length === 0) {
      const name = tokenizer.idToToken(mask);
      throw new GenerateError(`the text has no mask: write ${name} for a missing token, as in "Call me ${name}."`);
    }
    if (tokens.length > longest) {
      throw new GenerateError(
        `the text has ${tokens.length} tokens including special tokens, but the model takes at most ${longest}: shorten the text`,
      );
    }
    return { textTokens, masked, tokens, tokenTypes, positions: masked.map((index) => textStart + index) };
  });
  const logits = maskLogits(model, rows, { prediction, padding: specialTokenId(tokenizer, "padding") ?? 0 });
  return rows.map(({ textTokens, masked }, row) => {
    const masks = logits[row]!.map((values) => mostLikely(values, { tokenizer, topK }));
    const filled = textTokens.slice();
    masked.forEach((index, i) => {
      filled[index] = masks[i]![0]!.id;
    });
    return { text: tokenizer.decode(filled), masks };
  });
}

/** How a model of this family fills masks by default. Throws a GenerateError for one that only generates text. */
function defaultFill({ config }: Model): FillPrediction {
  const [preferred] = familyOf(config).generation.fills;
  if (preferred) return preferred;
  throw new GenerateError(`${config.family} models do not fill masks: they generate text`);
}

function maskTokenOf(tokenizer: Tokenizer): number {
  const id = specialTokenId(tokenizer, "mask");
  if (id !== undefined) return id;
  throw new GenerateError(`the tokenizer has no mask token: expected ${specialTokenNames.mask.join(" or ")}`);
}
