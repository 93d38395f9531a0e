/** config.json of BART (Lewis et al. 2020): BERT's blocks in both stacks, each with positions and an embedding norm of its own. */
import * as z from "zod";
import { isDense } from "../../configuration-fields.ts";
import { ModelError } from "../../errors.ts";
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
} from "../../hugging-face/config-json.ts";
import {
  canSayDecoderHead,
  classOfHead,
  decoderHeadClasses,
  decoderHeadOf,
  readDecoderHead,
  writeDecoderHead,
} from "../../hugging-face/decoder-head.ts";
import type { HuggingFaceFormat } from "../../hugging-face/format.ts";
import type { EncoderDecoderConfig, EncoderDecoderConfigInput } from "./configuration.ts";
import { bartNames, embeddingName, logitsBiasName } from "./hugging-face-names.ts";

const known = ["BartForConditionalGeneration", "BartModel", ...decoderHeadClasses("Bart")];

const fields = {
  vocab_size: count(50265),
  max_position_embeddings: count(1024),
  encoder_layers: layers(12),
  encoder_ffn_dim: count(4096),
  encoder_attention_heads: count(16),
  decoder_layers: layers(12),
  decoder_ffn_dim: count(4096),
  decoder_attention_heads: count(16),
  activation_function: activationField.default("gelu-erf"),
  d_model: count(1024),
  dropout: dropoutRate(0.1),
  attention_dropout: dropoutRate(0),
  activation_dropout: dropoutRate(0),
  init_std: positive(0.02),
  scale_embedding: z.boolean().default(false),
  tie_word_embeddings: only(true),
  is_decoder: only(false),
  // Of the first files: each is now as it always was in BART.
  normalize_before: only(false),
  add_final_layer_norm: only(false),
  add_bias_logits: only(false),
  normalize_embedding: only(true),
  static_position_embeddings: only(false),
  extra_pos_embeddings: only(2),
  ...onlyOrdinary,
  is_encoder_decoder: only(true),
};

const fieldAliases = {
  num_attention_heads: "encoder_attention_heads",
  hidden_size: "d_model",
  num_hidden_layers: "encoder_layers",
};

const harmless = [
  // Of training, which skips layers, and of heads: read where there is one.
  ...["encoder_layerdrop", "decoder_layerdrop", "classifier_dropout", "classif_dropout"],
  "force_bos_token_to_be_generated",
];

/** Of a text, with which the decoder starts. */
const END = 2;

/** The epsilon of PyTorch's norms. */
const normEpsilon = 1e-5;

/** fairseq counts positions from two. */
const reservedPositions = 2;

const copies = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"];

/** The bare model has no prefix. */
const bareNames = (name: string) => (name.startsWith("model.") ? [name.slice("model.".length)] : []);

/** The Hugging Face format of BART. */
export const bartFormat: HuggingFaceFormat<EncoderDecoderConfig, EncoderDecoderConfigInput> = {
  modelType: "bart",
  architectures: known,

  supports: (config) =>
    config.normPlacement === "post" &&
    config.separatePositions &&
    config.reservedPositions === reservedPositions &&
    config.numTokenTypes === 0 &&
    config.attentionWindow === null &&
    isDense(config) &&
    !config.relativeDistances &&
    !config.headTransform &&
    !config.pairHead &&
    canSayDecoderHead(config.task) &&
    !(config.task && config.logitsBias) &&
    config.normEpsilon === normEpsilon &&
    [1, Math.sqrt(config.hiddenSize)].includes(config.embeddingScale),

  fromHuggingFace(file, { tensors } = {}) {
    const head = decoderHeadOf(architectureOf(file, { known, unnamed: known[0]! }));
    const read = readConfigJson(file, { read: fields, aliases: fieldAliases, harmless });
    for (const [ours, theirs] of [
      ["decoder_ffn_dim", "encoder_ffn_dim"],
      ["decoder_attention_heads", "encoder_attention_heads"],
    ] as const) {
      if (read[ours] !== read[theirs]) throw fieldError(ours, `${read[ours]} differs from ${theirs} (${read[theirs]})`);
    }
    return {
      family: "encoder-decoder",
      vocabularySize: read.vocab_size,
      maxPositions: read.max_position_embeddings,
      hiddenSize: read.d_model,
      feedForwardSize: read.encoder_ffn_dim,
      numLayers: read.encoder_layers,
      numDecoderLayers: read.decoder_layers,
      numHeads: read.encoder_attention_heads,
      activation: read.activation_function,
      dropout: read.dropout,
      attentionDropout: read.attention_dropout,
      innerDropout: read.activation_dropout,
      initializerRange: read.init_std,
      normPlacement: "post",
      normEpsilon,
      separatePositions: true,
      reservedPositions,
      embeddingScale: read.scale_embedding ? Math.sqrt(read.d_model) : 1,
      logitsBias: !head && (tensors?.has(logitsBiasName) ?? false),
      ...(head && { task: readDecoderHead(head, file, { startToken: END }) }),
    };
  },

  toHuggingFace(config) {
    if (!bartFormat.supports(config)) {
      throw new ModelError("this model's configuration cannot be said as one of Hugging Face's bart");
    }
    const feedForwardSize = config.feedForwardSize ?? 4 * config.hiddenSize;
    return {
      architectures: [classOfHead("Bart", config.task) ?? known[0]],
      model_type: "bart",
      vocab_size: config.vocabularySize,
      max_position_embeddings: config.maxPositions,
      encoder_layers: config.numLayers,
      encoder_ffn_dim: feedForwardSize,
      encoder_attention_heads: config.numHeads,
      decoder_layers: config.numDecoderLayers ?? config.numLayers,
      decoder_ffn_dim: feedForwardSize,
      decoder_attention_heads: config.numHeads,
      activation_function: activationName(config.activation),
      d_model: config.hiddenSize,
      dropout: config.dropout,
      attention_dropout: config.attentionDropout,
      activation_dropout: config.innerDropout ?? 0,
      init_std: config.initializerRange,
      scale_embedding: config.embeddingScale !== 1,
      tie_word_embeddings: true,
      is_encoder_decoder: true,
      ...writeDecoderHead(config.task, config),
      dtype: "float32",
    };
  },

  differences: () => [],
  names: bartNames,
  aliases: bareNames,
  shared: ({ task }) => [...copies, ...(task ? [] : ["lm_head.weight"])].map((name) => ({ name, of: embeddingName })),
  ignoredTensors: [],
};
