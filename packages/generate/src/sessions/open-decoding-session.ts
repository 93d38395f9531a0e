/** Chooses the kind of decoding session that a model needs. */
import { openCausalSession } from "./causal-session.ts";
import type { DecodingSession, GenerativeModel, SessionOptions } from "./decoding-session.ts";
import { openEncoderDecoderSession } from "./encoder-decoder-session.ts";
import { openPermutationSession } from "./permutation-session.ts";
import { openQueryStreamSession } from "./query-stream-session.ts";

/**
 * Starts decoding prompts that fit the model. The caller disposes the session. Throws a GenerateError for a missing
 * start token.
 */
export function openDecodingSession(
  model: GenerativeModel,
  prompts: readonly ArrayLike<number>[],
  options: SessionOptions,
): DecodingSession {
  if ("permuted" in model && options.decoder === "permuted") return openQueryStreamSession(model, prompts, options);
  if ("encode" in model) return openEncoderDecoderSession(model, prompts, options);
  if ("createCache" in model) return openCausalSession(model, prompts, options);
  return openPermutationSession(model, prompts);
}
