/**
 * The text of one choice, as its tokens arrive: whole characters only, nothing that may still become a stop string, and
 * with each piece the tokens that it is made of. It does not know where tokens come from.
 */
import { createStopMatcher, type ScoredToken, type SequenceEvent } from "@megatron-ts/generate";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { EndReason, TokenPiece } from "./protocol.ts";

/** What choices of one model share. */
export interface ChoiceContext {
  tokenizer: Tokenizer;
  /** Special tokens that texts leave out. */
  skipped: ReadonlySet<number>;
  bytesOf: (id: number) => Uint8Array;
}

/** A piece of a choice's text. */
interface ChoicePiece {
  text: string;
  tokens: TokenPiece[];
  finishReason: EndReason | null;
  /** Whether a stop string ended it, so that its sequence need not be decoded on. */
  stopped: boolean;
}

/** One choice. */
export interface Choice {
  readonly generatedTokens: number;
  /** Adds what a step did for it. */
  push(event: SequenceEvent): ChoicePiece;
}

/** A token with its scores; without them for the first token of a prompt. */
export function tokenPiece(
  id: number,
  score: ScoredToken | null,
  { bytesOf, skipped }: Pick<ChoiceContext, "bytesOf" | "skipped">,
): TokenPiece {
  return {
    id,
    bytes: [...bytesOf(id)],
    hidden: skipped.has(id),
    logProbability: score?.logProbability ?? null,
    alternatives: (score?.alternatives ?? []).map(({ token, logProbability }) => ({
      id: token,
      bytes: [...bytesOf(token)],
      logProbability,
    })),
  };
}

/** Starts a choice after the tokens of the prompt that it continues; none for a text of its own. */
export function createChoice(
  context: ChoiceContext,
  { prompt, stop }: { prompt: ArrayLike<number>; stop: readonly string[] },
): Choice {
  const { tokenizer, skipped } = context;
  const decoder = tokenizer.createDecoder();
  // A word's leading space is only decoded if something precedes it.
  for (let i = 0; i < prompt.length; i++) if (!skipped.has(prompt[i]!)) decoder.push(prompt[i]!);
  const matcher = createStopMatcher(stop);
  let generatedTokens = 0;
  /** Tokens whose text is held back, and where in the text of the choice they begin. */
  let held: { piece: TokenPiece; start: number }[] = [];
  let decodedLength = 0;
  let shownLength = 0;

  return {
    get generatedTokens() {
      return generatedTokens;
    },
    push({ token, score, finishReason: ended }) {
      let decoded = "";
      if (token !== null) {
        generatedTokens++;
        // The token that ends a text is no part of it.
        if (score && ended !== "stop") held.push({ piece: tokenPiece(token, score, context), start: decodedLength });
        if (!skipped.has(token)) decoded = decoder.push(token);
      }
      if (ended) decoded += decoder.flush();
      decodedLength += decoded.length;
      const matched = matcher.push(decoded);
      const finishReason = matched.stopped ? "stop" : ended;
      const text = matched.text + (ended && !matched.stopped ? matcher.flush() : "");
      shownLength += text.length;
      // Tokens of a stop string are no part of the answer; those of held text come with it.
      const isShown = ({ start }: { start: number }) => start < shownLength || (ended !== null && !matched.stopped);
      const shown = held.filter(isShown);
      held = held.filter((one) => !isShown(one));
      return { text, tokens: shown.map(({ piece }) => piece), finishReason, stopped: matched.stopped };
    },
  };
}
