/** config.json of GPT-2, whose blocks are Megatron's GPT's as well. */
import * as z from "zod";
import { size } from "../../configuration-fields.ts";
import { ModelError } from "../../errors.ts";
import {
  activationField,
  activationName,
  architectureOf,
  only,
  readConfigJson,
} from "../../hugging-face/config-json.ts";
import type { HuggingFaceFormat } from "../../hugging-face/format.ts";
import type { GptConfig, GptConfigInput } from "./configuration.ts";
import { gpt2Names } from "./hugging-face-gpt2-names.ts";

const architectures = ["GPT2LMHeadModel", "GPT2Model"];

const json = z.object({
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullable().default(null),
  activation_function: activationField.default("gelu-tanh"),
  resid_pdrop: z.number().default(0.1),
  attn_pdrop: z.number().default(0.1),
  layer_norm_epsilon: z.number().default(1e-5),
  initializer_range: z.number().default(0.02),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  add_cross_attention: only(false),
});

/** The Hugging Face format of GPT-2. */
export const gpt2Format: HuggingFaceFormat<GptConfig, GptConfigInput> = {
  modelType: "gpt2",
  architectures,

  supports: (config) =>
    config.positions === "learned" &&
    config.norm === "layer" &&
    config.biases &&
    !config.gatedFeedForward &&
    (config.numKeyValueHeads ?? config.numHeads) === config.numHeads &&
    (config.headSize ?? config.hiddenSize / config.numHeads) === config.hiddenSize / config.numHeads,

  fromHuggingFace(file) {
    architectureOf(file, { known: architectures, unnamed: "GPT2LMHeadModel" });
    const read = readConfigJson(file, json);
    return {
      family: "gpt",
      vocabularySize: read.vocab_size,
      maxPositions: read.n_positions,
      hiddenSize: read.n_embd,
      numLayers: read.n_layer,
      numHeads: read.n_head,
      ...(read.n_inner === null ? {} : { feedForwardSize: read.n_inner }),
      activation: read.activation_function,
      // Theirs could drop embeddings at another rate; nobody's does.
      dropout: read.resid_pdrop,
      attentionDropout: read.attn_pdrop,
      normEpsilon: read.layer_norm_epsilon,
      initializerRange: read.initializer_range,
      tiedEmbeddings: read.tie_word_embeddings,
    };
  },

  toHuggingFace(config) {
    if (!gpt2Format.supports(config)) {
      throw new ModelError("this model's configuration cannot be said as one of Hugging Face's gpt2");
    }
    return {
      architectures: ["GPT2LMHeadModel"],
      model_type: "gpt2",
      vocab_size: config.vocabularySize,
      n_positions: config.maxPositions,
      n_embd: config.hiddenSize,
      n_layer: config.numLayers,
      n_head: config.numHeads,
      n_inner: config.feedForwardSize ?? null,
      activation_function: activationName(config.activation),
      resid_pdrop: config.dropout,
      embd_pdrop: config.dropout,
      attn_pdrop: config.attentionDropout,
      layer_norm_epsilon: config.normEpsilon,
      initializer_range: config.initializerRange,
      tie_word_embeddings: config.tiedEmbeddings,
      dtype: "float32",
    };
  },

  differences: () => [],
  names: gpt2Names,
  aliases: (name) => (name.startsWith("transformer.") ? [name.slice("transformer.".length)] : []),
  ignoredTensors: [/\.attn\.(masked_)?bias$/, /^lm_head\.weight$/],
};
