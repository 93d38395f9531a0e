/** config.json of XLNet, as published. */
import * as z from "zod";
import { isDense } from "../../configuration-fields.ts";
import type { TaskHeadConfig } from "../../heads/configuration.ts";
import { readsSummary } from "../../heads/task-head.ts";
import { activationField, activationName } from "../../hugging-face/activations.ts";
import {
  architectureOf,
  count,
  dropoutRate,
  fieldError,
  layers,
  only,
  onlyOrdinary,
  positive,
  readConfigJson,
  readFields,
} from "../../hugging-face/config-json.ts";
import type { HuggingFaceFormat } from "../../hugging-face/format.ts";
import { isHeadTied } from "../../hugging-face/tied-head.ts";
import { readTaskHead, taskHeadFields, writeTaskHead } from "../bert/hugging-face/architectures.ts";
import type { XlnetConfig, XlnetConfigInput } from "./configuration.ts";
import { xlnetNames } from "./hugging-face-names.ts";

/** The parts of each architecture. */
const architectures: Readonly<Record<string, { languageModelHead: boolean; task?: TaskHeadConfig["kind"] }>> = {
  XLNetLMHeadModel: { languageModelHead: true },
  XLNetForSequenceClassification: { languageModelHead: false, task: "sequence-classification" },
  XLNetForMultipleChoice: { languageModelHead: false, task: "multiple-choice" },
  XLNetForTokenClassification: { languageModelHead: false, task: "token-classification" },
  XLNetForQuestionAnsweringSimple: { languageModelHead: false, task: "question-answering" },
  XLNetModel: { languageModelHead: false },
};
const known = Object.keys(architectures);

const fields = {
  vocab_size: count(32000),
  d_model: count(1024),
  n_layer: layers(24),
  n_head: count(16),
  d_inner: count(4096),
  d_head: count(1).nullable().default(null),
  ff_activation: activationField.default("gelu-erf"),
  dropout: dropoutRate(0.1),
  initializer_range: positive(0.02),
  layer_norm_eps: positive(1e-12),
  /** 0 means all states, as null does. */
  mem_len: z.int().nonnegative().nullable().default(512),
  reuse_len: z.int().nonnegative().nullable().default(null),
  attn_type: only("bi"),
  bi_data: only(false),
  clamp_len: only(-1),
  same_length: only(false),
  untie_r: only(true),
  summary_last_dropout: dropoutRate(0.1),
  tie_word_embeddings: z.boolean().default(true),
  ...onlyOrdinary,
};

/** How a sequence is summarized as one vector, for classification. */
const summaryFields = {
  summary_type: only("last"),
  summary_use_proj: only(true),
  summary_activation: only("tanh"),
  summary_proj_to_labels: only(false),
  summary_first_dropout: only(0),
};

const aliases = {
  n_token: "vocab_size",
  hidden_size: "d_model",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

const harmless = [
  ...taskHeadFields,
  // Of a question-answering head that has another architecture.
  ...["start_n_top", "end_n_top"],
  // Whether a forward returns its memory.
  ...["use_mems_eval", "use_mems_train"],
];

const embeddingName = "transformer.word_embedding.weight";
const headName = "lm_loss.weight";

/** The bare model has no prefix. */
function bareNames(name: string): string[] {
  return name.startsWith("transformer.") ? [name.slice("transformer.".length)] : [];
}

/** The Hugging Face format of XLNet. */
export const xlnetFormat: HuggingFaceFormat<XlnetConfig, XlnetConfigInput> = {
  modelType: "xlnet",
  architectures: known,
  supports: ({ task, attention }) =>
    isDense({ attention }) &&
    task?.kind !== "replaced-token-detection" &&
    (!readsSummary(task) || (task.activation ?? "tanh") === "tanh"),

  fromHuggingFace(file, { tensors } = {}) {
    const { languageModelHead, task } = architectures[architectureOf(file, { known, unnamed: "XLNetModel" })]!;
    const read = readConfigJson(file, {
      read: fields,
      aliases,
      harmless: [...harmless, ...Object.keys(summaryFields)],
    });
    if (task === "sequence-classification" || task === "multiple-choice") readFields(file, summaryFields);
    if (read.d_head != null && read.d_head * read.n_head !== read.d_model) {
      throw fieldError("d_head", `${read.d_head} times n_head (${read.n_head}) is not d_model (${read.d_model})`);
    }
    return {
      family: "xlnet",
      vocabularySize: read.vocab_size,
      hiddenSize: read.d_model,
      numLayers: read.n_layer,
      numHeads: read.n_head,
      feedForwardSize: read.d_inner,
      activation: read.ff_activation,
      dropout: read.dropout,
      attentionDropout: read.dropout,
      initializerRange: read.initializer_range,
      normEpsilon: read.layer_norm_eps,
      memoryLength: read.mem_len || null,
      reuseLength: read.reuse_len || null,
      languageModelHead,
      tiedEmbeddings: languageModelHead
        ? isHeadTied(read.tie_word_embeddings, {
            tensors,
            head: headName,
            embeddings: [embeddingName, ...bareNames(embeddingName)],
          })
        : true,
      ...(task ? { task: readTaskHead(task, { ...file, classifier_dropout: read.summary_last_dropout }) } : {}),
    };
  },

  toHuggingFace(config) {
    const { hiddenSize, numHeads, languageModelHead, task } = config;
    const [architecture] = Object.entries(architectures).find(
      ([, parts]) => parts.task === task?.kind && (task !== undefined || parts.languageModelHead === languageModelHead),
    )!;
    return {
      architectures: [architecture],
      model_type: "xlnet",
      vocab_size: config.vocabularySize,
      d_model: hiddenSize,
      n_layer: config.numLayers,
      n_head: numHeads,
      d_head: hiddenSize / numHeads,
      d_inner: config.feedForwardSize ?? 4 * hiddenSize,
      ff_activation: activationName(config.activation),
      dropout: config.dropout,
      initializer_range: config.initializerRange,
      layer_norm_eps: config.normEpsilon,
      mem_len: config.memoryLength,
      reuse_len: config.reuseLength,
      attn_type: "bi",
      clamp_len: -1,
      same_length: false,
      bi_data: false,
      summary_type: "last",
      summary_use_proj: true,
      summary_activation: "tanh",
      ...(task ? taskFields(task, config) : {}),
      tie_word_embeddings: config.tiedEmbeddings,
      dtype: "float32",
    };
  },

  differences({ dropout, attentionDropout }) {
    if (dropout === attentionDropout) return [];
    return [`XLNet has one rate of dropout: this model's ${attentionDropout} in attention becomes ${dropout}`];
  },

  names: xlnetNames,
  aliases: bareNames,
  shared: ({ languageModelHead, tiedEmbeddings }) =>
    languageModelHead && tiedEmbeddings ? [{ name: headName, of: embeddingName }] : [],
  ignoredTensors: [],
};

function taskFields(task: TaskHeadConfig, { dropout }: XlnetConfig): Record<string, unknown> {
  const { classifier_dropout: own, ...fields } = writeTaskHead(task);
  return { ...fields, summary_last_dropout: own ?? dropout };
}
