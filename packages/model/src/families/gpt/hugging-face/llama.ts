/** config.json of Llama (Touvron et al. 2023), as transformers 4 and 5 write it. */
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
import type { GptConfig, GptConfigInput } from "../configuration.ts";
import { llamaNames } from "./decoder-names.ts";
import { readRotary, rotaryFields, writeRotary } from "./rotary.ts";

const architectures = ["LlamaForCausalLM", "LlamaModel"];

const fields = {
  vocab_size: count(32000),
  max_position_embeddings: count(2048),
  hidden_size: count(4096),
  intermediate_size: count(11008),
  num_hidden_layers: layers(32),
  num_attention_heads: count(32),
  num_key_value_heads: count(1).nullable().default(null),
  head_dim: count(1).nullable().default(null),
  hidden_act: activationField.default("silu"),
  attention_dropout: dropoutRate(0),
  rms_norm_eps: positive(1e-6),
  initializer_range: positive(0.02),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  is_decoder: only(false),
  rope_interleaved: only(false),
  ...rotaryFields,
  ...onlyOrdinary,
};

const harmless = [
  // How Llama 2 was split in pretraining: the sums are the same.
  "pretraining_tp",
  // Of the trainers of SmolLM and of the first Llamas.
  ...["is_llama_config", "max_sequence_length"],
];

const embeddingName = "model.embed_tokens.weight";
const headName = "lm_head.weight";

/** The bare model has no prefix. */
const aliases = (name: string) => (name.startsWith("model.") ? [name.slice("model.".length)] : []);

/** The Hugging Face format of Llama. */
export const llamaFormat: HuggingFaceFormat<GptConfig, GptConfigInput> = {
  modelType: "llama",
  architectures,

  supports: (config) => config.positions === "rotary" && config.norm === "rms" && config.gatedFeedForward,

  fromHuggingFace(file, { tensors } = {}) {
    architectureOf(file, { known: architectures, unnamed: "LlamaForCausalLM" });
    const read = readConfigJson(file, { read: fields, harmless });
    const usualHeadSize = read.hidden_size / read.num_attention_heads;
    const headSize = read.head_dim ?? usualHeadSize;
    return {
      family: "gpt",
      vocabularySize: read.vocab_size,
      maxPositions: read.max_position_embeddings,
      hiddenSize: read.hidden_size,
      feedForwardSize: read.intermediate_size,
      numLayers: read.num_hidden_layers,
      numHeads: read.num_attention_heads,
      numKeyValueHeads: read.num_key_value_heads ?? read.num_attention_heads,
      ...(headSize === usualHeadSize ? {} : { headSize }),
      positions: "rotary",
      ...readRotary(read),
      norm: "rms",
      normEpsilon: read.rms_norm_eps,
      gatedFeedForward: true,
      activation: read.hidden_act,
      biases: read.mlp_bias,
      ...(read.attention_bias === read.mlp_bias ? {} : { attentionBiases: read.attention_bias }),
      tiedEmbeddings: isHeadTied(read.tie_word_embeddings, {
        tensors,
        head: headName,
        embeddings: [embeddingName, ...aliases(embeddingName)],
      }),
      dropout: 0,
      attentionDropout: read.attention_dropout,
      initializerRange: read.initializer_range,
    };
  },

  toHuggingFace(config) {
    if (!llamaFormat.supports(config)) {
      throw new ModelError("this model's configuration cannot be said as one of Hugging Face's llama");
    }
    const { hiddenSize, numHeads } = config;
    return {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      vocab_size: config.vocabularySize,
      max_position_embeddings: config.maxPositions,
      hidden_size: hiddenSize,
      intermediate_size: config.feedForwardSize ?? 4 * hiddenSize,
      num_hidden_layers: config.numLayers,
      num_attention_heads: numHeads,
      num_key_value_heads: config.numKeyValueHeads ?? numHeads,
      head_dim: config.headSize ?? hiddenSize / numHeads,
      hidden_act: activationName(config.activation),
      attention_dropout: config.attentionDropout,
      rms_norm_eps: config.normEpsilon,
      initializer_range: config.initializerRange,
      ...writeRotary(config),
      tie_word_embeddings: config.tiedEmbeddings,
      attention_bias: config.attentionBiases ?? config.biases,
      mlp_bias: config.biases,
      dtype: "float32",
    };
  },

  differences: ({ dropout }) =>
    dropout > 0 ? [`Llama has no dropout of embeddings and branches; this model trains with ${dropout}`] : [],
  names: llamaNames,
  aliases,
  shared: ({ tiedEmbeddings }) => (tiedEmbeddings ? [{ name: headName, of: embeddingName }] : []),
  ignoredTensors: [/\.rotary_emb\.inv_freq$/],
};
