/** Text from text: encodes prompts, decodes tokens as they come, and stops at stop strings. */
import type { LanguageModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type DecodeOptions, decode } from "./decode.ts";
import { GenerateError } from "./errors.ts";
import { createStopMatcher } from "./stop-strings.ts";

export interface GenerateOptions extends Omit<DecodeOptions, "stopTokens"> {
  /** Generation of a row ends where one of these would appear; it is not part of the text. */
  stop?: readonly string[];
}

/** A piece of one prompt's continuation. */
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

/** Continuations of the prompts, in pieces as they come. The end-of-text token, where there is one, ends a row. */
export function* streamText(
  { model, tokenizer }: { model: LanguageModel; tokenizer: Tokenizer },
  prompts: readonly string[],
  { stop = [], ...options }: GenerateOptions,
): Generator<TextPiece & { promptTokens: number; generatedTokens: number }, void, undefined> {
  if (stop.includes("")) throw new GenerateError("a stop string is empty: it would stop at once");
  const encoded = prompts.map((prompt) => tokenizer.encode(prompt, { addSpecialTokens: false }));
  const rows = encoded.map(() => ({
    decoder: tokenizer.createDecoder({ skipSpecialTokens: true }),
    matcher: createStopMatcher(stop),
    generated: 0,
  }));
  const stopTokens = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
  const tokens = decode(model, encoded, { ...options, stopTokens });
  try {
    let step = tokens.next();
    while (!step.done) {
      const { row, token, finished } = step.value;
      const state = rows[row]!;
      state.generated++;
      const decoded = finished === "stop" ? "" : state.decoder.push(token);
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

/** Whole continuations of the prompts. */
export function generate(
  parts: { model: LanguageModel; tokenizer: Tokenizer },
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
