/** Adds the special tokens around a text that a bidirectional model expects: the tokenizer's own, else the family's. */
import type { FillPrediction } from "@megatron-ts/model";
import { type EncodeOptions, specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";

/** A text with and without its special tokens. */
export interface SpecialTokensAdded {
  /** The text's own token ids. */
  textTokens: Int32Array;
  /** The model's input: `[CLS] text [SEP]`, or XLNet's `text <sep> <cls>`. */
  tokens: Int32Array;
  /** Index of the text's first token in `tokens`. */
  textStart: number;
  /** Token type of each of `tokens`: 2 for XLNet's closing `<cls>`, else 0. */
  tokenTypes: Int32Array;
}

export function addSpecialTokens(
  { prediction, tokenizer }: { prediction: FillPrediction; tokenizer: Tokenizer },
  text: string,
  encoding: EncodeOptions,
): SpecialTokensAdded {
  const textTokens = tokenizer.encode(text, { ...encoding, addSpecialTokens: false });
  const ownTokens = tokenizer.encode(text, encoding);
  const [classification, separator] = [
    specialTokenId(tokenizer, "classification"),
    specialTokenId(tokenizer, "separator"),
  ];
  const closes = prediction === "permutation";
  const present = (ids: (number | undefined)[]) => ids.filter((id) => id !== undefined);
  const [before, after] = closes
    ? [[], present([separator, classification])]
    : [present([classification]), present([separator])];
  const tokens =
    ownTokens.length > textTokens.length ? ownTokens : Int32Array.from([...before, ...textTokens, ...after]);
  const tokenTypes = tokens.map((id, index) =>
    closes && index === tokens.length - 1 && id === classification ? 2 : 0,
  );
  return { textTokens, tokens, textStart: indexOfText(textTokens, tokens), tokenTypes };
}

function indexOfText(textTokens: Int32Array, tokens: Int32Array): number {
  for (let start = 0; start + textTokens.length <= tokens.length; start++) {
    if (textTokens.every((id, i) => id === tokens[start + i])) return start;
  }
  throw new Error("the tokenizer's post-processor changes the text's own tokens");
}
