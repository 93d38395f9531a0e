/** config.json of GPT-2, whose blocks are Megatron's GPT's as well. */
import * as z from "zod";
import { ModelError } from "../../../errors.ts";
import { activationField, activationName } from "../../../hugging-face/activations.ts";
import {
  architectureOf,
  count,
  dropoutRate,
  layers,
  only,
  onlyOrdinary,
  positive,
  readConfigJson,
} from "../../../hugging-face/config-json.ts";
import type { HuggingFaceFormat } from "../../../hugging-face/format.ts";
import { isHeadTied } from "../../../hugging-face/tied-head.ts";
import { taskHeadFields } from "../../bert/hugging-face/architectures.ts";
import type { GptConfig, GptConfigInput } from "../configuration.ts";
import { classifierOf, readClassifier, writeClassifier } from "./classifier.ts";
import { gpt2Names } from "./gpt2-names.ts";
import { canSay, unsaidFields } from "./plain-config.ts";

const classifier = classifierOf("GPT2Model");
const architectures = ["GPT2LMHeadModel", "GPT2Model", classifier];

const fields = {
  vocab_size: count(50257),
  n_positions: count(1024),
  n_embd: count(768),
  n_layer: layers(12),
  n_head: count(12),
  n_inner: count(1).nullable().default(null),
  activation_function: activationField.default("gelu-tanh"),
  resid_pdrop: dropoutRate(0.1),
  embd_pdrop: dropoutRate(0.1),
  attn_pdrop: dropoutRate(0.1),
  layer_norm_epsilon: positive(1e-5),
  initializer_range: positive(0.02),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  add_cross_attention: only(false),
  is_decoder: only(false),
  ...onlyOrdinary,
};

const fieldAliases = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

const harmless = [
  // Of heads that have other architectures.
  ...["summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout"],
  // The order of multiplications for half precision.
  "reorder_and_upcast_attn",
  // Repeats n_positions in old files, and is not read.
  "n_ctx",
];

const embeddingName = "transformer.wte.weight";
const headName = "lm_head.weight";

/** The bare model has no prefix. */
const aliases = (name: string) => (name.startsWith("transformer.") ? [name.slice("transformer.".length)] : []);

/** The Hugging Face format of GPT-2. */
export const gpt2Format: HuggingFaceFormat<GptConfig, GptConfigInput> = {
  modelType: "gpt2",
  architectures,

  supports: (config) => canSay(config, {}),
  unsaid: (config) => unsaidFields(config, {}),

  fromHuggingFace(file, { tensors } = {}) {
    const architecture = architectureOf(file, { known: architectures, unnamed: "GPT2LMHeadModel" });
    const classifies = architecture === classifier;
    const ignored = classifies ? [...harmless, ...taskHeadFields] : harmless;
    const read = readConfigJson(file, { read: fields, aliases: fieldAliases, harmless: ignored });
    return {
      family: "gpt",
      vocabularySize: read.vocab_size,
      maxPositions: read.n_positions,
      hiddenSize: read.n_embd,
      numLayers: read.n_layer,
      numHeads: read.n_head,
      ...(read.n_inner === null ? {} : { feedForwardSize: read.n_inner }),
      activation: read.activation_function,
      dropout: read.resid_pdrop,
      ...(read.embd_pdrop === read.resid_pdrop ? {} : { embeddingDropout: read.embd_pdrop }),
      attentionDropout: read.attn_pdrop,
      normEpsilon: read.layer_norm_epsilon,
      initializerRange: read.initializer_range,
      ...(classifies && readClassifier(file)),
      tiedEmbeddings:
        classifies ||
        isHeadTied(read.tie_word_embeddings, {
          tensors,
          head: headName,
          embeddings: [embeddingName, ...aliases(embeddingName)],
        }),
    };
  },

  toHuggingFace(config) {
    if (!gpt2Format.supports(config)) {
      throw new ModelError("this model's configuration cannot be said as one of Hugging Face's gpt2");
    }
    return {
      architectures: [config.task ? classifier : "GPT2LMHeadModel"],
      model_type: "gpt2",
      vocab_size: config.vocabularySize,
      n_positions: config.maxPositions,
      n_embd: config.hiddenSize,
      n_layer: config.numLayers,
      n_head: config.numHeads,
      n_inner: config.feedForwardSize ?? null,
      activation_function: activationName(config.activation),
      resid_pdrop: config.dropout,
      embd_pdrop: config.embeddingDropout ?? config.dropout,
      attn_pdrop: config.attentionDropout,
      layer_norm_epsilon: config.normEpsilon,
      initializer_range: config.initializerRange,
      tie_word_embeddings: config.tiedEmbeddings,
      ...writeClassifier(config.task),
      dtype: "float32",
    };
  },

  differences: () => [],
  names: gpt2Names,
  aliases,
  shared: ({ tiedEmbeddings, task }) => (tiedEmbeddings && !task ? [{ name: headName, of: embeddingName }] : []),
  ignoredTensors: [/\.attn\.(masked_)?bias$/],
};
