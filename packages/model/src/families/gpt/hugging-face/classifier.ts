/**
 * Decoders that classify texts, as transformers' <name>ForSequenceClassification: one weight without biases and dropout on the
 * state of the last token, and no head for tokens.
 */
import type { TaskHeadConfig } from "../../../heads/configuration.ts";
import type { ForeignWeight, HuggingFaceConfig } from "../../../hugging-face/format.ts";
import { readTaskHead, writeTaskHead } from "../../bert/hugging-face/architectures.ts";

/** The class with this head, of a bare one. */
export const classifierOf = (bare: string): string => bare.replace(/Model$/, "ForSequenceClassification");

/** Whether there is such a class for a head, or no head. */
export const canSayHead = (task: TaskHeadConfig | undefined): boolean =>
  task === undefined || (task.kind === "sequence-classification" && !task.dropout && task.activation === undefined);

/** The head in config.json, whose `classifier_dropout` is for tokens. */
export const readClassifier = (file: HuggingFaceConfig): { task: TaskHeadConfig } => ({
  task: readTaskHead("sequence-classification", { ...file, classifier_dropout: null }),
});

/** The fields of config.json for a head, if there is one. */
export function writeClassifier(task: TaskHeadConfig | undefined): Record<string, unknown> {
  if (task === undefined) return {};
  const { classifier_dropout: _, ...fields } = writeTaskHead(task);
  return fields;
}

/** The weight of the head, if there is one. */
export const classifierNames = (task: TaskHeadConfig | undefined): [string, ForeignWeight][] =>
  task === undefined ? [] : [["taskHead.output.weight", { name: "score.weight" }]];
