/**
 * A model that predicts in the order of a permutation (XLNet) goes on from prompts: the query stream predicts the place
 * behind a text whose tokens all see each other. So every token that comes changes all states, and none are cached.
 */
import type { PermutationModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { checkPrompts, lengthsOf, paddedRows, readRows } from "../ragged-rows.ts";
import type { Writer } from "./decoding-session.ts";

export function openPermutationWriter(
  model: PermutationModel,
  prompts: readonly ArrayLike<number>[],
  _options: { maxTokens: number },
): Writer {
  checkPrompts(prompts, { maxPositions: Number.POSITIVE_INFINITY });
  const texts = prompts.map((prompt) => Array.from(prompt));
  const predict = () =>
    readRows(() => {
      const lengths = lengthsOf(texts);
      // One more token a row, which nobody sees: the place that is predicted.
      const tokens = paddedRows(texts.map((text) => [...text, 0]));
      const targets = tf.tensor2d(lengths, [texts.length, 1], "int32");
      return model.logits(model.hidden({ tokens, lengths, targets }).query!);
    });
  return {
    begun: prompts,
    room: prompts.map(() => Number.POSITIVE_INFINITY),
    first: predict,
    next(fresh) {
      for (const [row, token] of fresh.entries()) if (token !== null) texts[row]!.push(token);
      return predict();
    },
    dispose() {},
  };
}
