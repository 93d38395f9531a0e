/** Continuous batching: sequences join and leave a batch between tokens (Yu et al. 2022). What all kinds of models share. */
import { hashKey, uniforms } from "@megatron-ts/random";
import { allowedTokens, type ConstrainedText, type Constraint } from "../constraints/constraint.ts";
import type { FinishReason } from "../decoding.ts";
import { type CandidateOptions, candidatesOf } from "../sampling/candidates.ts";
import { type ScoredToken, scoreToken } from "../sampling/log-probabilities.ts";
import type { SamplingOptions } from "../sampling/options.ts";
import { draw } from "../sampling/sample.ts";
import { chooseToken, type Proposal } from "../speculation/choose-token.ts";

/** A sequence to generate. */
export interface SequenceRequest extends SamplingOptions {
  /** Token ids that the model continues, or that its encoder reads. */
  prompt: ArrayLike<number>;
  /** Maximum number of tokens to generate; 0 only reads the prompt. */
  maxTokens: number;
  /** Token ids that end the sequence; the last token is one of these. */
  stopTokens?: readonly number[];
  /** The sequence draws from the random stream (seed, stream). Default: 0 and 0. */
  seed?: number;
  stream?: number;
  /** Scores each token, with this many of the most likely ones in its place. Default: no scores. */
  logProbabilities?: number;
  /** Scores the prompt's tokens too, in causal models. Default: false. */
  scorePrompt?: boolean;
  /** What the generated text must be. It may end where the constraint says so. */
  constraint?: Constraint;
  /** The decoder's first input token, in encoder-decoder models with a causal decoder. */
  startToken?: number;
}

/** What a step did for one sequence. */
export interface SequenceEvent {
  /** The number that `add` returned. */
  sequence: number;
  /** The token that was generated; null where none was. */
  token: number | null;
  /** Set when the sequence has ended. */
  finishReason: FinishReason | null;
  /** With `logProbabilities`. */
  score?: ScoredToken;
  /** Once, with `scorePrompt`: the score of each token of the prompt; null for the first. */
  promptScores?: (ScoredToken | null)[];
  /** Once, when the prompt has been read: how many of its tokens needed no computation. */
  reusedTokens?: number;
  /** Why the sequence ended early, such as logits that are not numbers. */
  error?: Error;
}

/** Sequences that are decoded together. Each gets the tokens that it would get alone. */
export interface DecodingBatch {
  /** Sequences that have a place in the batch. */
  readonly running: number;
  /** Sequences that wait for a place. */
  readonly waiting: number;
  /** How much of the cache sequences use, from 0 to 1. */
  readonly cacheUsage: number;
  /** Queues a sequence, and returns its number. Throws a GenerateError for a prompt or an option that cannot be used. */
  add(request: SequenceRequest): number;
  /** Ends a sequence early. Does nothing for one that has ended. */
  remove(sequence: number): void;
  /** Reads a part of a prompt and generates a token for every sequence that has been read. Empty if there is none. */
  step(): SequenceEvent[];
  dispose(): void;
}

/** What sampling needs to know of a sequence. */
export interface SampledSequence {
  request: SequenceRequest;
  /** Tokens that the repetition penalty counts: prompt, where the model continues it, and generated ones. */
  seen: number[];
  generated: number;
  /** The most tokens that may be generated. */
  limit: number;
  /** The text as its constraint sees it. */
  text?: ConstrainedText;
}

/** What a sequence's next candidates depend on, besides logits. Throws a GenerateError for a text that has ended. */
export function nextOptions({ request, seen, generated, text }: SampledSequence): CandidateOptions {
  const allows = text && allowedTokens(text, request);
  return { ...request, seen, generated: seen.slice(seen.length - generated), allows };
}

/**
 * Chooses the next token by logits [V] and, if a draft proposed one, by that; adds it, and says whether the sequence has ended.
 */
export function sampleToken(
  sequence: SampledSequence,
  logits: Float32Array,
  proposal?: Proposal,
): Omit<SequenceEvent, "sequence"> {
  const { request, seen, generated: start } = sequence;
  const { seed = 0, stream = 0, logProbabilities, stopTokens } = request;
  const uniformOf = (name: string) => uniforms(hashKey(seed, name, stream), 1, { start })[0]!;
  sequence.text ??= request.constraint?.start();
  const { text } = sequence;
  const candidates = candidatesOf(logits, nextOptions(sequence));
  const token = proposal
    ? chooseToken(candidates, proposal, { accept: uniformOf("accept"), redraw: uniformOf("sample") })
    : draw(candidates, uniformOf("sample"));
  seen.push(token);
  sequence.generated++;
  const isStop = stopTokens?.includes(token) ?? false;
  if (!isStop) text?.push(token);
  // Without a token to end with, a text ends when nothing may follow.
  const isWhole = !isStop && !stopTokens?.length && text?.mask.isComplete === true;
  const ended = sequence.generated >= sequence.limit ? "length" : null;
  const finishReason = isStop || isWhole ? "stop" : ended;
  const score = logProbabilities === undefined ? {} : { score: scoreToken(logits, token, logProbabilities) };
  return { token, finishReason, ...score };
}
