/**
 * Exact match and F1 of answers, as SQuAD's evaluation scripts v1.1 and v2.0 compute them (Rajpurkar et al. 2016, 2018).
 */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import { countNgrams, countShared } from "../text/ngrams.ts";
import { splitWords } from "../text/python-text.ts";

/** A predicted answer and the accepted ones. */
export interface AnswerExample {
  /** "" says that the text has no answer. */
  prediction: string;
  /** For v2, none if the question has no answer in its text. */
  answers: readonly string[];
  /** v2: the model's probability that there is no answer; above `noAnswerThreshold` the prediction counts as "". */
  noAnswerProbability?: number;
}

/** Which script to equal. */
export type SquadOptions = { version: "1.1" } | { version: "2.0" /** 1 by default. */; noAnswerThreshold?: number };

/** Means in percent over some questions. */
export interface AnswerScores {
  exactMatch: number;
  f1: number;
  total: number;
}

/** Scores of all questions; of version 2.0 also of those that have an answer and those that have none, if there are any. */
export interface SquadResult extends AnswerScores {
  hasAnswer?: AnswerScores;
  noAnswer?: AnswerScores;
}

/** Words end where Python's \b is: letters and digits of any script are parts of words. */
const articles = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu;

/** Lower-cases, removes ASCII punctuation and English articles, and makes white space single spaces. */
function normalizeAnswer(text: string): string {
  const plain = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, "");
  return splitWords(plain.replace(articles, " ")).join(" ");
}

function f1(prediction: string, answer: string): number {
  const [predicted, expected] = [splitWords(prediction), splitWords(answer)];
  const shared = countShared(countNgrams(predicted, 1, " "), countNgrams(expected, 1, " "));
  if (shared === 0) return 0;
  const precision = shared / predicted.length;
  const recall = shared / expected.length;
  return (2 * precision * recall) / (precision + recall);
}

/** The best of the accepted answers for each measure, all normalized. */
function compare(prediction: string, answers: readonly string[], emptyAgrees: boolean) {
  const exact = answers.includes(prediction) ? 1 : 0;
  const scores = answers.map((answer) =>
    emptyAgrees && (answer === "" || prediction === "") ? Number(answer === prediction) : f1(prediction, answer),
  );
  return { exact, f1: Math.max(...scores) };
}

function compareV1({ prediction, answers }: AnswerExample) {
  if (answers.length === 0) throw new RangeError("a question has no answers, which only version 2.0 allows");
  return { ...compare(normalizeAnswer(prediction), answers.map(normalizeAnswer), false), answerable: true };
}

function compareV2({ prediction, answers, noAnswerProbability = 0 }: AnswerExample, threshold: number) {
  const answerable = answers.length > 0;
  if (noAnswerProbability > threshold) return { exact: Number(!answerable), f1: Number(!answerable), answerable };
  const accepted = answers.map(normalizeAnswer).filter((answer) => answer !== "");
  return { ...compare(normalizeAnswer(prediction), accepted.length > 0 ? accepted : [""], true), answerable };
}

function scores([total, exact, f1]: readonly number[]): AnswerScores {
  return { exactMatch: (100 * exact!) / total!, f1: (100 * f1!) / total!, total: total! };
}

/**
 * Creates a running SQuAD score, empty or restored from a saved `state()`. With version 1.1 `add` throws a RangeError for a
 * question without answers.
 */
export function createSquad(options: SquadOptions, saved?: SumState): SumEvaluator<AnswerExample, SquadResult> {
  const threshold = "noAnswerThreshold" in options ? (options.noAnswerThreshold ?? 1) : 1;
  return createEvaluator(
    {
      statistics(example) {
        const compared = options.version === "1.1" ? compareV1(example) : compareV2(example, threshold);
        const { exact, f1, answerable } = compared;
        return answerable ? [1, exact, f1, 0, 0, 0] : [0, 0, 0, 1, exact, f1];
      },
      score(sums) {
        const answered = sums.slice(0, 3);
        const unanswered = sums.slice(3);
        const all = scores(answered.map((sum, index) => sum + unanswered[index]!));
        if (options.version === "1.1") return all;
        return {
          ...all,
          ...(answered[0]! > 0 ? { hasAnswer: scores(answered) } : {}),
          ...(unanswered[0]! > 0 ? { noAnswer: scores(unanswered) } : {}),
        };
      },
    },
    saved,
  );
}
