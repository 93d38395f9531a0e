/** Chooses the kind of decoding session that a way of predicting needs. */
import { type Model, predictorOf } from "@megatron-ts/model";
import { openCausalSession } from "./causal-session.ts";
import { type DecodingSession, defaultPrediction, type SessionOptions } from "./decoding-session.ts";
import { openPermutationSession } from "./permutation-session.ts";
import { openQueryStreamSession } from "./query-stream-session.ts";
import { openSequenceToSequenceSession } from "./sequence-to-sequence-session.ts";

/**
 * Starts decoding prompts that fit the model. The caller disposes the session. Throws a GenerateError for a missing
 * start token, and a ModelError for a prediction that the model does not have.
 */
export function openDecodingSession(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  options: SessionOptions,
): DecodingSession {
  const { prediction = defaultPrediction(model) } = options;
  if (prediction === "causal") return openCausalSession(predictorOf(model, prediction), prompts, options);
  if (prediction === "sequence-to-sequence") {
    return openSequenceToSequenceSession(predictorOf(model, prediction), prompts, options);
  }
  const permutation = predictorOf(model, prediction);
  const { decoder } = permutation;
  return decoder
    ? openQueryStreamSession(decoder, prompts, options)
    : openPermutationSession(permutation, prompts, options);
}
