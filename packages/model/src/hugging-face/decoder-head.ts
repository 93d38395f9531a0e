/**
 * Task heads on the states of a decoder that reads what its encoder reads, one token later, as transformers' classes
 * T5ForSequenceClassification and BartForQuestionAnswering have them. A text is classified by its last token, which ends it.
 */
import * as z from "zod";
import { readClassifierHead, writeTaskHead } from "../families/bert/hugging-face/architectures.ts";
import type { TaskHeadConfig } from "../heads/configuration.ts";
import { readFields } from "./config-json.ts";
import type { ForeignWeight, HuggingFaceConfig } from "./format.ts";

/** The kinds of such heads. */
type DecoderHeadKind = Extract<TaskHeadConfig["kind"], "sequence-classification" | "question-answering">;

/** The class of each kind, after the name of the model. */
const suffixes: Readonly<Record<DecoderHeadKind, string>> = {
  "sequence-classification": "ForSequenceClassification",
  "question-answering": "ForQuestionAnswering",
};
const kinds = Object.keys(suffixes) as DecoderHeadKind[];

/** The classes of a model with such a head. */
export const decoderHeadClasses = (model: string): string[] => kinds.map((kind) => `${model}${suffixes[kind]}`);

/** The kind of head that a class has, if it has one. */
export const decoderHeadOf = (architecture: string): DecoderHeadKind | undefined =>
  kinds.find((kind) => architecture.endsWith(suffixes[kind]));

/** The class for a head; undefined for no head or one that transformers does not have. */
export const classOfHead = (model: string, task: TaskHeadConfig | undefined): string | undefined =>
  task && canSayDecoderHead(task) ? `${model}${suffixes[task.kind as DecoderHeadKind]}` : undefined;

/** Whether there is such a class for a head, or no head. */
export const canSayDecoderHead = (task: TaskHeadConfig | undefined): boolean =>
  task === undefined ||
  task.kind === "question-answering" ||
  (task.kind === "sequence-classification" && (task.activation ?? "tanh") === "tanh");

/**
 * The head in config.json.
 * @param options.startToken the class's default of `decoder_start_token_id`
 */
export function readDecoderHead(
  kind: DecoderHeadKind,
  file: HuggingFaceConfig,
  { startToken }: { startToken: number },
): TaskHeadConfig {
  const { decoder_start_token_id: start } = readFields(file, {
    decoder_start_token_id: z.int().nonnegative().nullish(),
  });
  if (kind === "question-answering") return { kind, startToken: start ?? startToken };
  const head = readClassifierHead({ ...file, classifier_dropout: file.classifier_dropout ?? 0 });
  return { ...head, startToken: start ?? startToken };
}

/** The fields of config.json for a head, if there is one. `dropout` is the model's own rate. */
export function writeDecoderHead(
  task: TaskHeadConfig | undefined,
  { dropout }: { dropout: number },
): Record<string, unknown> {
  if (task === undefined) return {};
  const { classifier_dropout: own, ...fields } = writeTaskHead(task);
  const isClassifier = task.kind === "sequence-classification";
  return {
    ...fields,
    ...(isClassifier && { classifier_dropout: own ?? dropout }),
    ...("startToken" in task && task.startToken !== undefined && { decoder_start_token_id: task.startToken }),
  };
}

/** The weights of a head, if there is one. */
export function decoderHeadNames(task: TaskHeadConfig | undefined): [string, ForeignWeight][] {
  if (task === undefined) return [];
  const layers =
    task.kind === "question-answering"
      ? [["taskHead.output", "qa_outputs"]]
      : [
          ["taskHead.dense", "classification_head.dense"],
          ["taskHead.output", "classification_head.out_proj"],
        ];
  return layers.flatMap(([ours, theirs]) =>
    ["weight", "bias"].map((kind): [string, ForeignWeight] => [`${ours}.${kind}`, { name: `${theirs}.${kind}` }]),
  );
}
