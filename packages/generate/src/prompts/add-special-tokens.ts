/** The markers around a text that a model reads as a whole: the tokenizer's own, else those of the model's family. */
import type { EncoderModel, PermutationModel } from "@megatron-ts/model";
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";

export interface FramedText {
  tokens: Int32Array;
  /** Place of the text's first token. */
  start: number;
  /** Of each token: 2 for a marker that closes the whole, as XLNet has it, else 0. */
  segments: Int32Array;
}

export const permutes = (model: EncoderModel | PermutationModel): model is PermutationModel => !("pooled" in model);

/** The text's ids, and how they stand in their frame: `[CLS] text [SEP]`, or XLNet's `text <sep> <cls>`. */
export function frameText(
  { model, tokenizer }: { model: EncoderModel | PermutationModel; tokenizer: Tokenizer },
  text: string,
): FramedText & { text: Int32Array } {
  const plain = tokenizer.encode(text, { addSpecialTokens: false });
  const own = tokenizer.encode(text);
  const [classification, separator] = [
    specialTokenId(tokenizer, "classification"),
    specialTokenId(tokenizer, "separator"),
  ];
  const closes = permutes(model);
  const present = (ids: (number | undefined)[]) => ids.filter((id) => id !== undefined);
  const [before, after] = closes
    ? [[], present([separator, classification])]
    : [present([classification]), present([separator])];
  const framed = own.length > plain.length ? own : Int32Array.from([...before, ...plain, ...after]);
  const segments = framed.map((id, place) => (closes && place === framed.length - 1 && id === classification ? 2 : 0));
  return { text: plain, tokens: framed, start: startOf(plain, framed), segments };
}

/** Where the text stands in its frame. */
function startOf(plain: Int32Array, framed: Int32Array): number {
  for (let start = 0; start + plain.length <= framed.length; start++) {
    if (plain.every((id, i) => id === framed[start + i])) return start;
  }
  throw new Error("a tokenizer's frame changes the text in it");
}
