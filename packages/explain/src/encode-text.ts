/** A text to token ids, as a model was trained to read it, and back to pieces that a person can read. */
import type { Model } from "@megatron-ts/model";
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { ExplainError } from "./errors.ts";
import { labelsOfModel } from "./reading.ts";

/** A model with its tokenizer. */
export interface TextModel {
  model: Model;
  tokenizer: Tokenizer;
}

/** A text as token ids. */
export interface EncodedText {
  tokens: number[];
  /** Where its output is read, see `createReading`. */
  position?: number;
}

/** Encodes a text. Special tokens that it spells out stay text, but for masks. Throws an ExplainError for none or several masks. */
export function encodeText({ model, tokenizer }: TextModel, text: string): EncodedText {
  const mask = specialTokenId(tokenizer, "mask");
  const kept = new Set(mask === undefined ? [] : [mask]);
  const encode = (addSpecialTokens: boolean) =>
    Array.from(tokenizer.encode(text, { addSpecialTokens, splitSpecialTokens: true, keptSpecialTokens: kept }));
  const own = encode(false);
  const whole = encode(true);
  if (model.predictors.causal)
    return { tokens: labelsOfModel(model.config) ? whole : withoutEnd(own, whole, tokenizer) };
  const tokens = whole.length > own.length ? whole : enclosed(own, tokenizer);
  if (labelsOfModel(model.config)) return { tokens };
  const masks = [...tokens.keys()].filter((index) => tokens[index] === mask);
  if (masks.length === 1) return { tokens, position: masks[0]! };
  const name = mask === undefined ? "a mask, which the tokenizer lacks" : tokenizer.idToToken(mask);
  throw new ExplainError(`expected a text with one ${name} to predict; found ${masks.length}`);
}

/** A text to be continued has no end; an empty one starts after the end of another. */
function withoutEnd(own: number[], whole: number[], { endOfText }: Tokenizer): number[] {
  const start = Math.max(
    0,
    whole.findIndex((_, from) => own.every((id, index) => whole[from + index] === id)),
  );
  const tokens = whole.slice(0, start + own.length);
  return tokens.length === 0 && endOfText !== undefined ? [endOfText] : tokens;
}

/** For tokenizers that do not add their special tokens themselves. */
function enclosed(own: number[], tokenizer: Tokenizer): number[] {
  const [before, after] = [specialTokenId(tokenizer, "classification"), specialTokenId(tokenizer, "separator")];
  return [before, ...own, after].filter((id) => id !== undefined);
}

/** How a token is shown: decoded, or by its name if that gives nothing readable. */
export function showToken(tokenizer: Tokenizer, id: number): string {
  const text = tokenizer.decode([id]);
  return text === "" || text.includes("\uFFFD") ? (tokenizer.idToToken(id) ?? `#${id}`) : text;
}
