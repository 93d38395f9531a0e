/** config.json of Llama (Touvron et al. 2023), as transformers 4 and 5 write it. */
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
import { llamaNames } from "./hugging-face-llama-names.ts";

const architectures = ["LlamaForCausalLM", "LlamaModel"];

/** Positions as they are: scaled ones (for longer texts than were trained) are refused. */
const unscaled = z.object({ rope_type: only("default"), type: only("default"), rope_theta: z.number().optional() });

const json = z.object({
  vocab_size: size,
  max_position_embeddings: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: activationField.default("silu"),
  attention_dropout: z.number().default(0),
  rms_norm_eps: z.number().default(1e-6),
  initializer_range: z.number().default(0.02),
  rope_theta: z.number().default(10_000),
  rope_scaling: unscaled.nullish(),
  rope_parameters: unscaled.nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

/** The Hugging Face format of Llama. */
export const llamaFormat: HuggingFaceFormat<GptConfig, GptConfigInput> = {
  modelType: "llama",
  architectures,

  supports: (config) => config.positions === "rotary" && config.norm === "rms" && config.gatedFeedForward,

  fromHuggingFace(file) {
    architectureOf(file, { known: architectures, unnamed: "LlamaForCausalLM" });
    const read = readConfigJson(file, json);
    if (read.attention_bias !== read.mlp_bias) {
      throw new ModelError(
        `config.json: mlp_bias: biases in all projections or in none are supported; got attention_bias ` +
          `${read.attention_bias} and mlp_bias ${read.mlp_bias}`,
      );
    }
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
      rotaryTheta: read.rope_parameters?.rope_theta ?? read.rope_theta,
      norm: "rms",
      normEpsilon: read.rms_norm_eps,
      gatedFeedForward: true,
      activation: read.hidden_act,
      biases: read.mlp_bias,
      tiedEmbeddings: read.tie_word_embeddings,
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
      // The first for transformers 4, the second for 5.
      rope_theta: config.rotaryTheta,
      rope_parameters: { rope_type: "default", rope_theta: config.rotaryTheta },
      tie_word_embeddings: config.tiedEmbeddings,
      attention_bias: config.biases,
      mlp_bias: config.biases,
      dtype: "float32",
    };
  },

  differences: ({ dropout }) =>
    dropout > 0 ? [`Llama has no dropout of embeddings and branches; this model trains with ${dropout}`] : [],
  names: llamaNames,
  aliases: (name) => (name.startsWith("model.") ? [name.slice("model.".length)] : []),
  ignoredTensors: [/\.rotary_emb\.inv_freq$/, /^lm_head\.weight$/],
};
