/**
 * Cuts a long context into windows that overlap, each behind the question (Devlin et al. 2019, section 4.2), and says in which of
 * them an answer lies.
 */
import type { PlacedTokens } from "./context-tokens.ts";
import type { EncodedPair, PairEncoder } from "./pair-encoder.ts";

/** Some of a context's tokens behind the question. */
export interface QuestionWindow extends EncodedPair {
  /** The number in the context of the first token of the window, and how many there are. */
  first: number;
  count: number;
}

/** The tokens of the context that an answer begins and ends with. */
export interface TokenSpan {
  start: number;
  end: number;
}

/** Windows over a context; each begins `stride` tokens after the one before. */
export function questionWindows(
  encoder: PairEncoder,
  {
    question,
    context,
    maxTokens,
    stride,
  }: { question: Int32Array; context: PlacedTokens; maxTokens: number; stride: number },
): QuestionWindow[] {
  const room = maxTokens - encoder.extra - question.length;
  const windows: QuestionWindow[] = [];
  for (let first = 0; ; first += Math.min(stride, room)) {
    const ids = context.ids.subarray(first, first + room);
    windows.push({ ...encoder.join(question, ids), first, count: ids.length });
    if (first + room >= context.ids.length) return windows;
  }
}

/** The tokens that the characters of an answer lie in; null if it has none. */
export function spanOf({ starts, ends }: PlacedTokens, { from, to }: { from: number; to: number }): TokenSpan | null {
  const start = ends.findIndex((end) => end > from);
  const end = starts.findLastIndex((begin) => begin < to);
  return start < 0 || end < start ? null : { start, end };
}

/** Where the answer begins and ends in a window; 0 and 0, the first token, where it does not lie in it. */
export function targetIn(
  { first, count, secondStart }: QuestionWindow,
  span: TokenSpan | null,
): [start: number, end: number] {
  if (!span || span.start < first || span.end >= first + count) return [0, 0];
  return [secondStart + span.start - first, secondStart + span.end - first];
}
