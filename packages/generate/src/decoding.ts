/** What decoding is asked for, and what it gives. */
import type { Constraint } from "./constraints/constraint.ts";
import type { ScoredToken } from "./sampling/log-probabilities.ts";
import type { SamplingOptions } from "./sampling/options.ts";
import type { SessionOptions } from "./sessions/decoding-session.ts";
import type { SpeculationOptions } from "./speculation/options.ts";

/** Options of `decode`. */
export interface DecodeOptions extends SamplingOptions, Omit<SessionOptions, "beams"> {
  /** Token ids that end a row; the last token of the row is one of these. */
  stopTokens?: readonly number[];
  /** Row r draws from the random stream (seed, r). Default: 0. */
  seed?: number;
  /** Scores each token, with this many of the most likely ones in its place. Default: no scores. */
  logProbabilities?: number;
  /** What each generated text must be. It may end where the constraint says so. */
  constraint?: Constraint;
  /** A smaller model that proposes tokens: speculative decoding, for causal models. Default: none. */
  draft?: SpeculationOptions;
}

/** Why a row ended: at a stop token or stop string, or at `maxTokens` or the model's last position. */
export type FinishReason = "stop" | "length";

/** One generated token. */
export interface DecodedToken {
  /** Index of the prompt. */
  row: number;
  /** Token id. */
  token: number;
  /** Set on a row's last token, else null. */
  finishReason: FinishReason | null;
  /** Its log-probability by the model, before sampling options, and the alternatives; with `logProbabilities`. */
  score?: ScoredToken;
}
