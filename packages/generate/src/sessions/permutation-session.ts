/**
 * Decodes with a permutation language model (XLNet): it continues the prompts, and the query stream predicts the
 * position after the text. The tokens of the text all attend to each other, so each new token changes every state and
 * none is cached.
 */
import type { PermutationModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, readRows, repeatEach, rowLengths } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { logitsOf } from "./step-inputs.ts";

export function openPermutationSession(
  model: PermutationModel,
  given: readonly ArrayLike<number>[],
  { beams = 1 }: Pick<SessionOptions, "beams"> = {},
): DecodingSession {
  const prompts = repeatEach(given, beams);
  let texts = prompts.map((prompt) => Array.from(prompt));
  const predict = () =>
    readRows(() => {
      const lengths = rowLengths(texts);
      // One more token per row, at the predicted position; no token attends to it.
      const tokens = padRows(texts.map((text) => [...text, 0]));
      const targets = tf.tensor2d(lengths, [texts.length, 1], "int32");
      return logitsOf(model, model.forward({ tokens, lengths, targets }).query!);
    });
  return {
    promptTokens: prompts,
    maxNewTokens: prompts.map(() => Number.POSITIVE_INFINITY),
    prefill: predict,
    decodeStep(tokens) {
      for (const [row, token] of tokens.entries()) if (token !== null) texts[row]!.push(token);
      return predict();
    },
    reorder(parents) {
      texts = parents.map((parent) => [...texts[parent]!]);
    },
    dispose() {},
  };
}
