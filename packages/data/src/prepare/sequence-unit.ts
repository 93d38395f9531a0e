/** What a sequence of the dataset is: a document, or each of the runs of text that it is divided into. */
import { splitPair } from "../steps/pairs.ts";
import { createSentenceSplitter } from "../steps/sentences.ts";

/** Sentences by the rules of a language, or the two sides of a pair. */
export type Runs = { of: "sentence"; language: string } | { of: "pair" };

/** Divides a document; undefined where it is one run. */
export function createRunSplitter(runs: Runs | undefined): ((text: string) => string[]) | undefined {
  if (!runs) return undefined;
  return runs.of === "pair" ? splitPair : createSentenceSplitter(runs.language);
}
