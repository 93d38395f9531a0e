/** config.json of XLNet, as published. */
import * as z from "zod";
import { size } from "../../configuration-fields.ts";
import { ModelError } from "../../errors.ts";
import type { TaskHeadConfig } from "../../heads/configuration.ts";
import {
  activationField,
  activationName,
  architectureOf,
  only,
  readConfigJson,
} from "../../hugging-face/config-json.ts";
import type { HuggingFaceFormat } from "../../hugging-face/format.ts";
import { readTaskHead, taskHeadFields, writeTaskHead } from "../bert/hugging-face-architectures.ts";
import type { XlnetConfig, XlnetConfigInput } from "./configuration.ts";
import { xlnetNames } from "./hugging-face-names.ts";

/** The parts of each architecture. */
const architectures: Readonly<Record<string, { languageModelHead: boolean; task?: TaskHeadConfig["kind"] }>> = {
  XLNetLMHeadModel: { languageModelHead: true },
  XLNetForSequenceClassification: { languageModelHead: false, task: "sequence-classification" },
  XLNetForTokenClassification: { languageModelHead: false, task: "token-classification" },
  XLNetForQuestionAnsweringSimple: { languageModelHead: false, task: "question-answering" },
  XLNetModel: { languageModelHead: false },
};
const known = Object.keys(architectures);

const json = z.object({
  vocab_size: size,
  d_model: size,
  n_layer: size,
  n_head: size,
  d_inner: size,
  d_head: size.nullish(),
  ff_activation: activationField.default("gelu-erf"),
  dropout: z.number().default(0.1),
  initializer_range: z.number().default(0.02),
  layer_norm_eps: z.number().default(1e-12),
  /** 0 means all states, as null does. */
  mem_len: z.int().nonnegative().nullish(),
  reuse_len: z.int().nonnegative().nullish(),
  attn_type: only("bi"),
  clamp_len: only(-1),
  untie_r: only(true),
  summary_type: only("last"),
  summary_use_proj: only(true),
  summary_activation: only("tanh"),
  summary_last_dropout: z.number().default(0.1),
  ...taskHeadFields,
  tie_word_embeddings: only(true),
});

/** The Hugging Face format of XLNet. */
export const xlnetFormat: HuggingFaceFormat<XlnetConfig, XlnetConfigInput> = {
  modelType: "xlnet",
  architectures: known,
  supports: () => true,

  fromHuggingFace(file) {
    const { languageModelHead, task } = architectures[architectureOf(file, { known, unnamed: "XLNetModel" })]!;
    const read = readConfigJson(file, json);
    if (read.d_head != null && read.d_head * read.n_head !== read.d_model) {
      throw new ModelError(
        `config.json: d_head: ${read.d_head} times n_head (${read.n_head}) is not d_model (${read.d_model})`,
      );
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
      ...(task ? { task: readTaskHead(task, { ...read, classifier_dropout: read.summary_last_dropout }) } : {}),
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
      tie_word_embeddings: true,
      dtype: "float32",
    };
  },

  differences({ dropout, attentionDropout }) {
    if (dropout === attentionDropout) return [];
    return [`XLNet has one rate of dropout: this model's ${attentionDropout} in attention becomes ${dropout}`];
  },

  names: xlnetNames,
  aliases: (name) => (name.startsWith("transformer.") ? [name.slice("transformer.".length)] : []),
  ignoredTensors: [/^lm_loss\.weight$/],
};

function taskFields(task: TaskHeadConfig, { dropout }: XlnetConfig): Record<string, unknown> {
  const { classifier_dropout: own, ...fields } = writeTaskHead(task);
  return { ...fields, summary_last_dropout: own ?? dropout };
}
