/** What a model reads of a text before it writes, and what ends its writing. */
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "../errors.ts";
import type { WriterOptions, WritingModel } from "../sessions/decoding-session.ts";

export interface Reading {
  /** What the model reads of each text. */
  prompts: Int32Array[];
  stopTokens: number[];
  startToken?: number;
  /** Whether what is written goes on from the text, rather than being one of its own. */
  continues: boolean;
}

/** A decoder of the next token was trained on sources that end, and starts from padding; all others go on from a text. */
export function readTexts(
  { model, tokenizer }: { model: WritingModel; tokenizer: Tokenizer },
  texts: readonly string[],
  { decoder = "causal" }: Pick<WriterOptions, "decoder">,
): Reading {
  const prompts = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
  if (!("encode" in model) || decoder === "permuted") {
    const stopTokens = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
    return { prompts, stopTokens, continues: true };
  }
  const end = tokenizer.endOfText ?? specialTokenId(tokenizer, "separator");
  const startToken = specialTokenId(tokenizer, "padding");
  if (end === undefined || startToken === undefined) {
    const missing = end === undefined ? "end-of-text" : "padding";
    throw new GenerateError(`the tokenizer has no ${missing} token, which a model with an encoder and a decoder needs`);
  }
  if (prompts.some(({ length }) => length === 0))
    throw new GenerateError("the prompt is empty: give at least one token");
  return {
    prompts: prompts.map((prompt) => Int32Array.from([...prompt, end])),
    stopTokens: [end],
    startToken,
    continues: false,
  };
}

/** T5's `<extra_id_0>` and so on: markers that belong to what is written. */
const sentinel = /^<extra_id_\d+>$/;

/** Ids that are left out of what is written: markers, but for those that number spans. */
export const silentTokens = ({ specialTokens }: Tokenizer): ReadonlySet<number> =>
  new Set([...specialTokens].filter(([name]) => !sentinel.test(name)).map(([, id]) => id));
