/**
 * Minimal pairs, as in BLiMP (Warstadt et al. 2020): a model is right where it finds the acceptable sentence more probable than the
 * other. A tie is wrong.
 */
import { fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { type ScoredText, scoreTexts } from "./score-tokens.ts";
import { shareOf } from "./share.ts";
import type { TaskDefinition } from "./task.ts";
import { createContinuation, notTrained, requireCausal, untrained } from "./zero-shot.ts";

type PairPrediction = { good: number; bad: number };

const name = "minimal-pairs";

/** Log-probabilities of the acceptable sentence and the other. */
export const minimalPairs: TaskDefinition<readonly [good: ScoredText, bad: ScoredText], PairPrediction> = {
  name,
  fields: ["sentence_good", "sentence_bad"],
  targetField: "sentence_good",
  metric: "accuracy",
  headFor: () => notTrained(name),
  open(config, { tokenizer, settings: { columns, maxTokens } }) {
    requireCausal(config, name);
    const encode = createContinuation(tokenizer, { maxTokens });
    return {
      ...untrained(name),
      read(row) {
        const texts = ["sentence_good", "sentence_bad"].map((field) => {
          const text = encode("", fieldOf(row, { field, columns }));
          if (text.ids.length > text.from) return text;
          throw new TaskError(`${field} is empty`, row);
        });
        return texts as [ScoredText, ScoredText];
      },
      tokens: (pair) => Math.max(...pair.map(({ ids }) => ids.length)),
      workload: ([good, bad]) => ({
        lengths: { sequenceLength: good.ids.length + bad.ids.length, predictedTokens: 0 },
      }),
      losses: () => 1,
      isTruncated: () => false,
      async predict(model, examples) {
        const scores = scoreTexts(model, examples.flat());
        return examples.map((_, row) => ({
          good: scores[2 * row]!.logProbability,
          bad: scores[2 * row + 1]!.logProbability,
        }));
      },
      createScores() {
        let [right, total] = [0, 0];
        return {
          add(_, { good, bad }) {
            total++;
            if (good > bad) right++;
          },
          result: () => ({ accuracy: shareOf(right, total) }),
        };
      },
    };
  },
};
