/** What a model reads in an example of a task without predicted tokens: what its FLOPs are counted from. */
import type { BaseConfig } from "@megatron-ts/model";
import type { OpenTask, Prediction } from "./task.ts";
import { classifiesWithDecoder } from "./text/text-pair.ts";

/** The workload of reading `tokens` tokens; in an encoder-decoder, both stacks read them. */
export const readingWorkload = (
  config: BaseConfig,
  tokens: number,
): ReturnType<OpenTask<never, Prediction>["workload"]> =>
  classifiesWithDecoder(config)
    ? {
        prediction: "sequence-to-sequence",
        lengths: { sourceLength: tokens, sequenceLength: tokens, predictedTokens: 0 },
      }
    : { lengths: { sequenceLength: tokens, predictedTokens: 0 } };
