/** Text from text: encodes prompts, decodes tokens as they come, and stops at stop strings. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type DecodeOptions, decode } from "./decode.ts";
import { GenerateError } from "./errors.ts";
import { readTexts, silentTokens } from "./prompts/encode-prompts.ts";
import { createStopMatcher } from "./sampling/stop-strings.ts";
import type { WritingModel } from "./sessions/decoding-session.ts";

export interface GenerateOptions extends Omit<DecodeOptions, "stopTokens" | "startToken"> {
  /** Generation of a row ends where one of these would appear; it is not part of the text. */
  stop?: readonly string[];
}

/** A piece of what is written for one prompt. */
export interface TextPiece {
  /** Index of the prompt. */
  row: number;
  text: string;
  /** Set on the last piece of a row. */
  finished: "stop" | "length" | null;
}

export interface Completion {
  text: string;
  promptTokens: number;
  generatedTokens: number;
  finished: "stop" | "length";
}

/**
 * What the model writes for each prompt, in pieces as they come: the prompt's continuation, or, where an encoder reads it
 * and the decoder predicts next tokens, a text of its own. The end-of-text token, where there is one, ends a row.
 */
export function* streamText(
  { model, tokenizer }: { model: WritingModel; tokenizer: Tokenizer },
  prompts: readonly string[],
  { stop = [], ...options }: GenerateOptions,
): Generator<TextPiece & { promptTokens: number; generatedTokens: number }, void, undefined> {
  if (stop.includes("")) throw new GenerateError("a stop string is empty: it would stop at once");
  const { prompts: encoded, continues, ...ends } = readTexts({ model, tokenizer }, prompts, options);
  const silent = silentTokens(tokenizer);
  const rows = encoded.map((prompt) => {
    const decoder = tokenizer.createDecoder();
    // A word's blank is decoded where something stands before it.
    if (continues) for (const token of prompt) if (!silent.has(token)) decoder.push(token);
    return { decoder, matcher: createStopMatcher(stop), generated: 0 };
  });
  const tokens = decode(model, encoded, { ...options, ...ends });
  try {
    let step = tokens.next();
    while (!step.done) {
      const { row, token, finished } = step.value;
      const state = rows[row]!;
      state.generated++;
      const decoded = silent.has(token) ? "" : state.decoder.push(token);
      const { text, stopped } = state.matcher.push(finished ? decoded + state.decoder.flush() : decoded);
      const end = stopped ? "stop" : finished;
      const rest = end && !stopped ? state.matcher.flush() : "";
      const counts = { promptTokens: encoded[row]!.length, generatedTokens: state.generated };
      if (text + rest !== "" || end) yield { row, text: text + rest, finished: end, ...counts };
      step = tokens.next(stopped);
    }
  } finally {
    tokens.return();
  }
}

/** All that the model writes for each prompt. */
export function generate(
  parts: { model: WritingModel; tokenizer: Tokenizer },
  prompts: readonly string[],
  options: GenerateOptions,
): Completion[] {
  const completions = prompts.map(
    (): Completion => ({ text: "", promptTokens: 0, generatedTokens: 0, finished: "length" }),
  );
  for (const { row, text, finished, ...counts } of streamText(parts, prompts, options)) {
    const completion = completions[row]!;
    completion.text += text;
    Object.assign(completion, counts);
    if (finished) completion.finished = finished;
  }
  return completions;
}
