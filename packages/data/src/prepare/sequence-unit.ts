/** What a sequence of the dataset is: a document, or each of the texts that a document is divided into. */
import { splitPair } from "../steps/pairs.ts";
import { createSentenceSplitter } from "../steps/sentences.ts";

/** Sentences by the rules of a language, or the two sides of a pair. */
export type SequenceUnit = { level: "sentence"; language: string } | { level: "pair" };

/** Divides a document into sequences; undefined where a document is one sequence. */
export function createSequenceSplitter(unit: SequenceUnit | undefined): ((text: string) => string[]) | undefined {
  if (!unit) return undefined;
  return unit.level === "pair" ? splitPair : createSentenceSplitter(unit.language);
}
