/** config.json of T5, of which we have `T5ForConditionalGeneration`. */
import * as z from "zod";
import { size } from "../../configuration-fields.ts";
import { ModelError } from "../../errors.ts";
import { architectureOf, only, readConfigJson } from "../../hugging-face/config-json.ts";
import type { HuggingFaceFormat } from "../../hugging-face/format.ts";
import type { T5Config, T5ConfigInput } from "./configuration.ts";
import { t5Names } from "./hugging-face-names.ts";

/** `feed_forward_proj`, whose "gated-gelu" has always been the tanh form. */
const projections: Readonly<Record<string, Pick<T5Config, "activation" | "gatedFeedForward">>> = {
  relu: { activation: "relu", gatedFeedForward: false },
  "gated-gelu": { activation: "gelu-tanh", gatedFeedForward: true },
  "gated-relu": { activation: "relu", gatedFeedForward: true },
  "gated-silu": { activation: "silu", gatedFeedForward: true },
  gelu: { activation: "gelu-erf", gatedFeedForward: false },
  gelu_new: { activation: "gelu-tanh", gatedFeedForward: false },
  silu: { activation: "silu", gatedFeedForward: false },
};

const architectures = ["T5ForConditionalGeneration", "T5WithLMHeadModel"];

const json = z.object({
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: size,
  num_decoder_layers: size.nullish(),
  num_heads: size,
  relative_attention_num_buckets: size.default(32),
  relative_attention_max_distance: size.default(128),
  dropout_rate: z.number().default(0.1),
  layer_norm_epsilon: z.number().default(1e-6),
  initializer_factor: z.number().default(1),
  feed_forward_proj: z.enum(Object.keys(projections) as [string, ...string[]]).default("relu"),
  tie_word_embeddings: z.boolean().default(true),
  is_decoder: only(false),
});

/** The Hugging Face format of T5. */
export const t5Format: HuggingFaceFormat<T5Config, T5ConfigInput> = {
  modelType: "t5",
  architectures,
  supports: () => true,

  fromHuggingFace(file) {
    architectureOf(file, { known: architectures, unnamed: "T5ForConditionalGeneration" });
    const read = readConfigJson(file, json);
    return {
      family: "t5",
      vocabularySize: read.vocab_size,
      hiddenSize: read.d_model,
      headSize: read.d_kv,
      feedForwardSize: read.d_ff,
      numLayers: read.num_layers,
      numDecoderLayers: read.num_decoder_layers ?? read.num_layers,
      numHeads: read.num_heads,
      relativeBuckets: read.relative_attention_num_buckets,
      relativeMaxDistance: read.relative_attention_max_distance,
      dropout: read.dropout_rate,
      attentionDropout: read.dropout_rate,
      normEpsilon: read.layer_norm_epsilon,
      initializerFactor: read.initializer_factor,
      ...projections[read.feed_forward_proj]!,
      tiedEmbeddings: read.tie_word_embeddings,
    };
  },

  toHuggingFace(config) {
    const { hiddenSize, numLayers, numHeads, activation, gatedFeedForward } = config;
    const projection = Object.entries(projections).find(
      ([, has]) => has.activation === activation && has.gatedFeedForward === gatedFeedForward,
    );
    if (!projection) throw new ModelError(`Hugging Face's T5 has no gated feed-forward with ${activation}`);
    return {
      architectures: ["T5ForConditionalGeneration"],
      model_type: "t5",
      is_encoder_decoder: true,
      vocab_size: config.vocabularySize,
      d_model: hiddenSize,
      d_kv: config.headSize ?? hiddenSize / numHeads,
      d_ff: config.feedForwardSize ?? 4 * hiddenSize,
      num_layers: numLayers,
      num_decoder_layers: config.numDecoderLayers ?? numLayers,
      num_heads: numHeads,
      relative_attention_num_buckets: config.relativeBuckets,
      relative_attention_max_distance: config.relativeMaxDistance,
      dropout_rate: config.dropout,
      layer_norm_epsilon: config.normEpsilon,
      initializer_factor: config.initializerFactor,
      feed_forward_proj: projection[0],
      tie_word_embeddings: config.tiedEmbeddings,
      // T5's vocabularies begin with padding, with which the decoder starts, and the end of a text.
      pad_token_id: 0,
      decoder_start_token_id: 0,
      eos_token_id: 1,
      dtype: "float32",
    };
  },

  differences: ({ dropout, attentionDropout }) =>
    dropout === attentionDropout
      ? []
      : [`T5 has one rate of dropout: this model's ${attentionDropout} in attention becomes ${dropout}`],
  names: t5Names,
  aliases: () => [],
  ignoredTensors: [
    /^(encoder|decoder)\.embed_tokens\.weight$/,
    /^lm_head\.weight$/,
    /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
  ],
};
