/**
 * LAMBADA (Paperno et al. 2016) as in Megatron's paper, with the strict tokenization: the last word of a text is right where each of
 * its tokens is the most probable one, given all before it.
 */
import { fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { type ScoredText, scoreTexts } from "./score-tokens.ts";
import { shareOf } from "./share.ts";
import type { TaskDefinition } from "./task.ts";
import { createContinuation, notTrained, requireCausal, untrained } from "./zero-shot.ts";

/** Whether the word is right, 0 or 1, and its log-probability. */
type LambadaPrediction = { right: number; logProbability: number };

const name = "lambada";

/** The last word of each text. */
export const lambada: TaskDefinition<ScoredText, LambadaPrediction> = {
  name,
  fields: ["text"],
  metric: "accuracy",
  headFor: () => notTrained(name),
  open(config, { tokenizer, settings: { columns, maxTokens } }) {
    requireCausal(config, name);
    const encode = createContinuation(tokenizer, { maxTokens });
    return {
      ...untrained(name),
      read(row) {
        const text = fieldOf(row, { field: "text", columns }).trim();
        const [, context, word] = /^(.*\S)(\s+\S+)$/s.exec(text) ?? [];
        if (word === undefined) throw new TaskError("expected a text of two words or more", row);
        return encode(context!, ` ${word.trim()}`);
      },
      tokens: ({ ids }) => ids.length,
      workload: ({ ids }) => ({ lengths: { sequenceLength: ids.length, predictedTokens: 0 } }),
      losses: () => 1,
      isTruncated: () => false,
      async predict(model, examples) {
        return scoreTexts(model, examples).map(({ isGreedy, logProbability }) => ({
          right: Number(isGreedy),
          logProbability,
        }));
      },
      createScores() {
        let [right, total, sum] = [0, 0, 0];
        return {
          add(_, prediction) {
            total++;
            right += prediction.right;
            sum += prediction.logProbability;
          },
          result: () => ({ accuracy: shareOf(right, total), perplexity: { value: Math.exp(-sum / total) } }),
        };
      },
    };
  },
};
