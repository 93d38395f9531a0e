/**
 * Figurative language, as in Fig-QA (Liu et al. 2022): which of two endings fits a phrase. Scored by the log-probability of the
 * endings, summed and by token. A tie is wrong.
 */
import { fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { type ScoredText, scoreTexts } from "./score-tokens.ts";
import { shareOf } from "./share.ts";
import type { TaskDefinition } from "./task.ts";
import { createContinuation, notTrained, requireCausal, untrained } from "./zero-shot.ts";

interface FigurativeExample {
  endings: readonly [ScoredText, ScoredText];
  /** The number of the right one, 0 or 1. */
  label: number;
}

/** Of both endings: sums of log-probabilities, and their means over tokens. */
type FigurativePrediction = { sum1: number; sum2: number; mean1: number; mean2: number };

const name = "figurative";

const isRight = (label: number, first: number, second: number) => (label === 0 ? first > second : second > first);

/** Two endings of a figurative phrase. */
export const figurative: TaskDefinition<FigurativeExample, FigurativePrediction> = {
  name,
  fields: ["startphrase", "ending1", "ending2", "labels"],
  metric: "accuracy",
  headFor: () => notTrained(name),
  open(config, { tokenizer, settings: { columns, maxTokens } }) {
    requireCausal(config, name);
    const encode = createContinuation(tokenizer, { maxTokens });
    return {
      ...untrained(name),
      read(row, { labelled }) {
        const text = (field: string) => fieldOf(row, { field, columns });
        const ending = (field: string) => encode(text("startphrase"), ` ${text(field)}`);
        const label = labelled ? Number(text("labels")) : -1;
        if (labelled && label !== 0 && label !== 1) {
          throw new TaskError(`expected labels of 0 or 1, got ${JSON.stringify(text("labels"))}`, row);
        }
        return { endings: [ending("ending1"), ending("ending2")], label };
      },
      tokens: ({ endings }) => Math.max(...endings.map(({ ids }) => ids.length)),
      workload: ({ endings: [a, b] }) => ({
        lengths: { sequenceLength: a.ids.length + b.ids.length, predictedTokens: 0 },
      }),
      losses: () => 1,
      isTruncated: () => false,
      async predict(model, examples) {
        const scores = scoreTexts(
          model,
          examples.flatMap(({ endings }) => endings),
        );
        return examples.map((_, row) => {
          const [a, b] = [scores[2 * row]!, scores[2 * row + 1]!];
          const [sum1, sum2] = [a.logProbability, b.logProbability];
          return { sum1, sum2, mean1: sum1 / a.tokens, mean2: sum2 / b.tokens };
        });
      },
      createScores() {
        let [bySum, byMean, total] = [0, 0, 0];
        return {
          add({ label }, { sum1, sum2, mean1, mean2 }) {
            total++;
            if (isRight(label, sum1, sum2)) bySum++;
            if (isRight(label, mean1, mean2)) byMean++;
          },
          result: () => ({ accuracy: shareOf(bySum, total), normalizedAccuracy: shareOf(byMean, total) }),
        };
      },
    };
  },
};
