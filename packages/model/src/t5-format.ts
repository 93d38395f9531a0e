/** T5 in Hugging Face's format: `T5ForConditionalGeneration`. */
import { ModelError } from "./errors.ts";
import type { ForeignFormat, ForeignWeight, HuggingFaceConfig } from "./foreign-format.ts";
import { type T5Config, t5ConfigSchema } from "./t5-configuration.ts";

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

const attentionParts = { query: "q", key: "k", value: "v", output: "o" };

export const t5Format: ForeignFormat<T5Config> = {
  modelType: "t5",
  architectures: ["T5ForConditionalGeneration"],
  describes: (config) => config.family === "t5",

  fromHuggingFace(json: HuggingFaceConfig) {
    const given = String(json.feed_forward_proj ?? "relu");
    const projection = projections[given];
    if (!projection) {
      throw new ModelError(`feed_forward_proj "${given}" is not one of ${Object.keys(projections).join(", ")}`);
    }
    const dropout = json.dropout_rate ?? 0.1;
    return t5ConfigSchema.parse({
      family: "t5",
      numLayers: json.num_layers,
      numDecoderLayers: json.num_decoder_layers ?? json.num_layers,
      hiddenSize: json.d_model,
      numHeads: json.num_heads,
      headSize: json.d_kv,
      feedForwardSize: json.d_ff,
      vocabularySize: json.vocab_size,
      dropout,
      attentionDropout: dropout,
      normEpsilon: json.layer_norm_epsilon,
      relativeBuckets: json.relative_attention_num_buckets,
      relativeMaxDistance: json.relative_attention_max_distance,
      tiedEmbeddings: json.tie_word_embeddings !== false,
      initializerFactor: json.initializer_factor,
      ...projection,
    });
  },

  toHuggingFace(config) {
    const { hiddenSize, numHeads, dropout, activation, gatedFeedForward } = config;
    const projection = Object.entries(projections).find(
      ([, has]) => has.activation === activation && has.gatedFeedForward === gatedFeedForward,
    );
    if (!projection) throw new ModelError(`Hugging Face's T5 has no gated feed-forward with ${activation}`);
    if (config.attentionDropout !== dropout) {
      throw new ModelError("Hugging Face's T5 has one dropout rate: dropout and attentionDropout must be equal");
    }
    return {
      architectures: ["T5ForConditionalGeneration"],
      model_type: "t5",
      is_encoder_decoder: true,
      num_layers: config.numLayers,
      num_decoder_layers: config.numDecoderLayers ?? config.numLayers,
      d_model: hiddenSize,
      num_heads: numHeads,
      d_kv: config.headSize ?? hiddenSize / numHeads,
      d_ff: config.feedForwardSize ?? 4 * hiddenSize,
      vocab_size: config.vocabularySize,
      dropout_rate: dropout,
      feed_forward_proj: projection[0],
      layer_norm_epsilon: config.normEpsilon,
      relative_attention_num_buckets: config.relativeBuckets,
      relative_attention_max_distance: config.relativeMaxDistance,
      tie_word_embeddings: config.tiedEmbeddings,
      initializer_factor: config.initializerFactor,
      // T5's vocabularies begin with padding, with which the decoder starts, and the end of a text.
      pad_token_id: 0,
      decoder_start_token_id: 0,
      eos_token_id: 1,
    };
  },

  differences: () => [],

  names(config) {
    const names = new Map<string, ForeignWeight>([["tokenEmbedding.weight", { name: "shared.weight" }]]);
    const add = (ours: string, theirs: string) => names.set(`${ours}.weight`, { name: `${theirs}.weight` });
    if (!config.tiedEmbeddings) add("head", "lm_head");
    for (const stack of ["encoder", "decoder"] as const) {
      add(`${stack}.relativeBias`, `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias`);
      add(`${stack}.finalNorm`, `${stack}.final_layer_norm`);
      const layers = stack === "encoder" ? config.numLayers : (config.numDecoderLayers ?? config.numLayers);
      for (let index = 0; index < layers; index++) {
        for (const [ours, theirs] of layerNames(config, stack)) {
          add(`${stack}.layers.${index}.${ours}`, `${stack}.block.${index}.layer.${theirs}`);
        }
      }
    }
    return names;
  },

  aliases: () => [],

  redundant: [
    /^(encoder|decoder)\.embed_tokens\.weight$/,
    /^lm_head\.weight$/,
    /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
  ],
};

function layerNames({ gatedFeedForward }: T5Config, stack: "encoder" | "decoder"): [string, string][] {
  const last = stack === "encoder" ? 1 : 2;
  const attention = (ours: string, theirs: string): [string, string][] =>
    Object.entries(attentionParts).map(([part, letter]) => [`${ours}.${part}`, `${theirs}.${letter}`]);
  const feedForward: [string, string][] = gatedFeedForward
    ? [
        ["feedForward.gate", `${last}.DenseReluDense.wi_0`],
        ["feedForward.input", `${last}.DenseReluDense.wi_1`],
      ]
    : [["feedForward.input", `${last}.DenseReluDense.wi`]];
  return [
    ["attentionNorm", "0.layer_norm"],
    ...attention("attention", "0.SelfAttention"),
    ...(stack === "decoder"
      ? [
          ["crossAttentionNorm", "1.layer_norm"] as [string, string],
          ...attention("crossAttention", "1.EncDecAttention"),
        ]
      : []),
    ["feedForwardNorm", `${last}.layer_norm`],
    ...feedForward,
    ["feedForward.output", `${last}.DenseReluDense.wo`],
  ];
}
