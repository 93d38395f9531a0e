/** Generates text from text: encodes prompts, decodes tokens as they arrive, and stops at stop strings. */
import type { Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { decode } from "./decode.ts";
import type { DecodeOptions, FinishReason } from "./decoding.ts";
import { GenerateError } from "./errors.ts";
import { encodePrompts, type Frame } from "./prompts/encode-prompts.ts";
import type { SpecialTokens } from "./prompts/prompt-encoding.ts";
import { skippedTokens } from "./prompts/skipped-tokens.ts";
import { createStopMatcher } from "./sampling/stop-strings.ts";

/** Options of `generate` and `streamText`. */
export interface GenerateOptions extends DecodeOptions {
  /** Token ids that end a row. Default: the tokenizer's end-of-text token. */
  stopTokens?: readonly number[];
  /** The decoder's first input token in encoder-decoder models. Default: the tokenizer's padding token. */
  startToken?: number;
  /**
   * What special tokens spelled out in a prompt become: "text" like any other, except for masks and sentinels, or "ids", for
   * prompts that the caller wrote and trusts. Default "text".
   */
  specialTokens?: SpecialTokens;
  /**
   * What surrounds a text that an encoder reads: the end-of-text token, as in our training, or, "tokenizer", what the
   * tokenizer's post-processor adds, as in transformers (BART's `<s>` and `</s>`). Default: "end".
   */
  frame?: Frame;
  /** Strings that end a row; they are not part of the text. */
  stop?: readonly string[];
}

/** A piece of the text generated for one prompt. */
export interface TextPiece {
  /** Index of the prompt. */
  row: number;
  /** Text since the row's last piece; may be empty on the last one. */
  text: string;
  /** Set on the last piece of a row, else null. */
  finishReason: FinishReason | null;
  /** Tokens in the encoded prompt. */
  promptTokens: number;
  /** Tokens generated for this row so far. */
  generatedTokens: number;
}

/** The text generated for one prompt. */
export interface Completion {
  text: string;
  /** Tokens in the encoded prompt. */
  promptTokens: number;
  generatedTokens: number;
  finishReason: FinishReason;
}

/**
 * Generates text for each prompt, in pieces as it is generated: a continuation of the prompt or, by an encoder-decoder
 * with a causal decoder, a text of its own. Throws a GenerateError for a prompt or an option that cannot be used.
 */
export function* streamText(
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  prompts: readonly string[],
  { stop = [], ...options }: GenerateOptions,
): Generator<TextPiece, void, undefined> {
  if (stop.includes("")) throw new GenerateError("stop strings must not be empty");
  const { prompts: encoded, continues, ...special } = encodePrompts({ model, tokenizer }, prompts, options);
  const skipped = skippedTokens(tokenizer);
  const rows = encoded.map((prompt) => {
    const decoder = tokenizer.createDecoder();
    // A word's leading space is only decoded if something precedes it.
    if (continues) for (const token of prompt) if (!skipped.has(token)) decoder.push(token);
    return { decoder, matcher: createStopMatcher(stop), generated: 0 };
  });
  const tokens = decode(model, encoded, { ...options, ...special });
  try {
    let step = tokens.next();
    while (!step.done) {
      const { row, token, finishReason: ended } = step.value;
      const state = rows[row]!;
      state.generated++;
      const decoded = skipped.has(token) ? "" : state.decoder.push(token);
      const { text, stopped } = state.matcher.push(ended ? decoded + state.decoder.flush() : decoded);
      const finishReason = stopped ? "stop" : ended;
      const rest = finishReason && !stopped ? state.matcher.flush() : "";
      const counts = { promptTokens: encoded[row]!.length, generatedTokens: state.generated };
      if (text + rest !== "" || finishReason) yield { row, text: text + rest, finishReason, ...counts };
      step = tokens.next(stopped);
    }
  } finally {
    tokens.return();
  }
}

/** Generates the whole text for each prompt; see `streamText`. */
export function generate(
  parts: { model: Model; tokenizer: Tokenizer },
  prompts: readonly string[],
  options: GenerateOptions,
): Completion[] {
  const completions = prompts.map(
    (): Completion => ({ text: "", promptTokens: 0, generatedTokens: 0, finishReason: "length" }),
  );
  for (const { row, text, finishReason, ...counts } of streamText(parts, prompts, options)) {
    const completion = completions[row]!;
    completion.text += text;
    Object.assign(completion, counts);
    if (finishReason) completion.finishReason = finishReason;
  }
  return completions;
}
