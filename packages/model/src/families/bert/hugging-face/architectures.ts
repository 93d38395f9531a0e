/** Which parts Hugging Face's architectures of BERT's kind have, and the fields of config.json about their task heads. */
import * as z from "zod";
import type { TaskHeadConfig } from "../../../heads/configuration.ts";
import { dropoutRate, fieldError, readFields } from "../../../hugging-face/config-json.ts";
import type { HuggingFaceConfig } from "../../../hugging-face/format.ts";
import type { BertConfig } from "../configuration.ts";

type Heads = BertConfig["heads"];

/** The parts that an architecture has (true) or has not (false); of others its files may hold the weights. */
export interface Architecture {
  heads: Partial<Heads>;
  task?: TaskHeadConfig["kind"];
}

export type Architectures = Readonly<Record<string, Architecture>>;

const tokenTasks: Architectures = {
  ForTokenClassification: { heads: {}, task: "token-classification" },
  ForQuestionAnswering: { heads: {}, task: "question-answering" },
};

/** By the suffix of the class name, those with the most heads first. */
export const bertArchitectures: Architectures = {
  ForPreTraining: { heads: { pooler: true, languageModel: true, pair: true } },
  ForMaskedLM: { heads: { languageModel: true } },
  ForNextSentencePrediction: { heads: { pooler: true, pair: true } },
  ForSequenceClassification: { heads: { pooler: true }, task: "sequence-classification" },
  ForMultipleChoice: { heads: { pooler: true }, task: "multiple-choice" },
  ...tokenTasks,
  Model: { heads: {} },
};

export const robertaArchitectures: Architectures = {
  ForMaskedLM: { heads: { languageModel: true } },
  ForSequenceClassification: { heads: { pooler: false }, task: "sequence-classification" },
  ForMultipleChoice: { heads: { pooler: true }, task: "multiple-choice" },
  ...tokenTasks,
  Model: { heads: {} },
};

/** Of Longformer. Its global tokens for answers are those of the question, which no configuration says. */
export const longformerArchitectures: Architectures = {
  ForMaskedLM: { heads: { languageModel: true } },
  ForSequenceClassification: { heads: { pooler: false }, task: "sequence-classification" },
  ForTokenClassification: { heads: {}, task: "token-classification" },
  Model: { heads: {} },
};

/** Of DistilBERT and ELECTRA, which have no pooler. */
export const poolerlessArchitectures: Architectures = {
  ForMaskedLM: { heads: { pooler: false, languageModel: true } },
  ForSequenceClassification: { heads: { pooler: false }, task: "sequence-classification" },
  ForMultipleChoice: { heads: { pooler: false }, task: "multiple-choice" },
  ForTokenClassification: { heads: { pooler: false }, task: "token-classification" },
  ForQuestionAnswering: { heads: { pooler: false }, task: "question-answering" },
  Model: { heads: { pooler: false } },
};

/** Those and the discriminator, in whose file the generator's head would mean nothing. */
export const electraArchitectures: Architectures = {
  ...poolerlessArchitectures,
  ForPreTraining: { heads: { pooler: false, languageModel: false }, task: "replaced-token-detection" },
};

const { ForNextSentencePrediction: _, ...albert } = bertArchitectures;
/** Of ALBERT: BERT's, without a model for pairs alone. */
export const albertArchitectures: Architectures = albert;

/** A tensor by which each part is known in a file. */
export type HeadMarks = Readonly<Partial<Record<keyof Heads, string>>>;

export const bertMarks: HeadMarks = {
  pooler: "bert.pooler.dense.weight",
  languageModel: "cls.predictions.transform.dense.weight",
  pair: "cls.seq_relationship.weight",
};

export const robertaMarks: HeadMarks = {
  pooler: "roberta.pooler.dense.weight",
  languageModel: "lm_head.dense.weight",
};

/** The parts that a file has. Without a look into it, a bare model is the reference's default, with its pooler. */
export function headsOf(
  { heads, task }: Architecture,
  { marks, holds }: { marks: HeadMarks; holds: ((tensor: string) => boolean) | null },
): Heads {
  const isBare = task === undefined && Object.keys(heads).length === 0;
  const has = (part: keyof Heads) => {
    const mark = marks[part];
    return heads[part] ?? (holds ? mark !== undefined && holds(mark) : isBare && part === "pooler");
  };
  return { pooler: has("pooler"), languageModel: has("languageModel"), pair: has("pair") };
}

/** The architecture of the model's task, or the first all of whose heads it has. */
export function architectureFor({ heads, task }: BertConfig, architectures: Architectures): string {
  const [name] = Object.entries(architectures).find(
    ([, candidate]) =>
      candidate.task === task?.kind &&
      (task !== undefined ||
        Object.entries(candidate.heads).every(([part, wanted]) => !wanted || heads[part as keyof Heads])),
  )!;
  return name;
}

/** The most classes that are read, each of which has a name. */
const maxLabels = 1_000_000;

/** The fields of config.json that a task head is read from. */
const labelFields = {
  classifier_dropout: dropoutRate(0).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.int().min(1).max(maxLabels).nullish(),
};

/** Fields that only a task head is read from, harmless elsewhere. */
export const taskHeadFields: readonly string[] = Object.keys(labelFields);

/** What a head for sequences is trained for, which decides its loss. */
const MULTI_LABEL = "multi_label_classification";
const problems = { problem_type: z.enum(["single_label_classification", MULTI_LABEL, "regression"]).nullish() };

/** The head of an architecture's task. A sequence with one label is a regression. Throws a ModelError. */
export function readTaskHead(kind: TaskHeadConfig["kind"], file: HuggingFaceConfig): TaskHeadConfig {
  if (kind === "question-answering" || kind === "replaced-token-detection") return { kind };
  if (kind === "sequence-classification") return readClassifierHead(file);
  const { labels, dropout } = readLabels(file);
  const own = dropout === undefined ? {} : { dropout };
  return kind === "multiple-choice" ? { kind, ...own } : { kind, labels, ...own };
}

/** A head for whole texts. Throws a ModelError. */
export function readClassifierHead(
  file: HuggingFaceConfig,
): Extract<TaskHeadConfig, { kind: "sequence-classification" }> {
  const head = readLabels(file);
  const { problem_type: problem } = readFields(file, problems);
  if (problem && (problem === "regression") !== (head.labels.length === 1)) {
    throw fieldError("problem_type", `${problem} with ${head.labels.length} labels is not supported`);
  }
  return { kind: "sequence-classification", ...head, ...(problem === MULTI_LABEL && { multiLabel: true }) };
}

function readLabels(file: HuggingFaceConfig): { labels: string[]; dropout?: number } {
  const { id2label, num_labels: numLabels, classifier_dropout: dropout } = readFields(file, labelFields);
  const named = Object.entries(id2label ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  const numOutputs = numLabels ?? (id2label ? named.length : 2);
  const labels =
    named.length === numOutputs
      ? named.map(([, label]) => label)
      : Array.from({ length: numOutputs }, (_, index) => `LABEL_${index}`);
  return { labels, ...(dropout == null ? {} : { dropout }) };
}

/** The fields of config.json that describe a task head. */
export function writeTaskHead(task: TaskHeadConfig): Record<string, unknown> {
  if (task.kind === "question-answering" || task.kind === "replaced-token-detection") return {};
  if (task.kind === "multiple-choice") return { classifier_dropout: task.dropout ?? null };
  const { kind, labels, dropout = null } = task;
  const several = "multiLabel" in task && task.multiLabel ? MULTI_LABEL : "single_label_classification";
  const problem = labels.length === 1 ? "regression" : several;
  return {
    id2label: Object.fromEntries(labels.map((label, index) => [index, label])),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    classifier_dropout: dropout,
    ...(kind === "sequence-classification" ? { problem_type: problem } : {}),
  };
}
