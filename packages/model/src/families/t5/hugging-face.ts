/** config.json of T5: `T5ForConditionalGeneration`, and its classes for labels and answers. */
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
  show,
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
import { isHeadTied } from "../../hugging-face/tied-head.ts";
import type { T5Config, T5ConfigInput } from "./configuration.ts";
import { classifierPrefix, t5Names } from "./hugging-face-names.ts";

const architectures = ["T5ForConditionalGeneration", "T5WithLMHeadModel", ...decoderHeadClasses("T5")];

const defaultLayers = 6;

const fields = {
  vocab_size: count(32128),
  d_model: count(512),
  d_kv: count(64),
  d_ff: count(2048),
  num_layers: layers(defaultLayers),
  num_decoder_layers: layers(1).nullable().default(null),
  num_heads: count(8),
  relative_attention_num_buckets: count(32),
  relative_attention_max_distance: count(128),
  dropout_rate: dropoutRate(0.1),
  layer_norm_epsilon: positive(1e-6),
  initializer_factor: positive(1),
  feed_forward_proj: z.string().default("relu"),
  /** These two repeat `feed_forward_proj`, and replace it where they differ. */
  dense_act_fn: activationField.optional(),
  is_gated_act: z.boolean().optional(),
  tie_word_embeddings: z.boolean().default(true),
  /** What `tie_word_embeddings` means for it, unless transformers 5 wrote it. */
  scale_decoder_outputs: z.boolean().optional(),
  is_decoder: only(false),
  ...onlyOrdinary,
  is_encoder_decoder: only(true),
};

const aliases = {
  hidden_size: "d_model",
  num_attention_heads: "num_heads",
  num_hidden_layers: "num_layers",
  head_dim: "d_kv",
};

const harmless = [
  // Of heads: read where there is one.
  "classifier_dropout",
  // The length of the texts that the first T5s were trained on: their positions have no end.
  "n_positions",
];

type Read = z.output<z.ZodObject<typeof fields>>;

/** "relu" or "gated-relu", with any activation. "gated-gelu" has always been the tanh form. */
function readProjection({ feed_forward_proj: projection, dense_act_fn, is_gated_act }: Read) {
  const [, gated, name] = /^(gated-)?([^-]+)$/.exec(projection) ?? [];
  const { data } = activationField.safeParse(projection === "gated-gelu" ? "gelu_new" : name);
  const activation = dense_act_fn ?? data;
  if (name === undefined || activation === undefined) {
    throw fieldError("feed_forward_proj", `expected an activation, after "gated-" or alone; got ${show(projection)}`);
  }
  return { activation, gatedFeedForward: is_gated_act ?? gated !== undefined };
}

/** How `feed_forward_proj` says it, null if it cannot. */
function writeProjection({ activation, gatedFeedForward }: T5Config): string | null {
  if (!gatedFeedForward) return activationName(activation);
  if (activation === "gelu-erf") return null;
  return `gated-${activation === "gelu-tanh" ? "gelu" : activation}`;
}

const embeddingName = "shared.weight";
const copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
const headName = "lm_head.weight";

/** The Hugging Face format of T5. */
export const t5Format: HuggingFaceFormat<T5Config, T5ConfigInput> = {
  modelType: "t5",
  architectures,
  supports: ({ attention, task }) => isDense({ attention }) && canSayDecoderHead(task),

  fromHuggingFace(file, { tensors } = {}) {
    const architecture = architectureOf(file, { known: architectures, unnamed: "T5ForConditionalGeneration" });
    const head = decoderHeadOf(architecture);
    const read = readConfigJson(file, { read: fields, aliases, harmless });
    const scaled = read.scale_decoder_outputs ?? read.tie_word_embeddings;
    // transformers 5 ties the head unless the file has another, and writes tie_word_embeddings: true in any case.
    const tied = head
      ? true
      : tensors
        ? isHeadTied(true, { tensors, head: headName, embeddings: [embeddingName, ...copies] })
        : read.tie_word_embeddings && scaled;
    return {
      family: "t5",
      vocabularySize: read.vocab_size,
      hiddenSize: read.d_model,
      headSize: read.d_kv,
      feedForwardSize: read.d_ff,
      numLayers: read.num_layers,
      // The reference sets it before it reads `num_hidden_layers`.
      numDecoderLayers: read.num_decoder_layers ?? ("num_layers" in file ? read.num_layers : defaultLayers),
      numHeads: read.num_heads,
      relativeBuckets: read.relative_attention_num_buckets,
      relativeMaxDistance: read.relative_attention_max_distance,
      dropout: read.dropout_rate,
      attentionDropout: read.dropout_rate,
      normEpsilon: read.layer_norm_epsilon,
      initializerFactor: read.initializer_factor,
      ...readProjection(read),
      tiedEmbeddings: tied,
      ...(scaled === tied ? {} : { scaledOutputs: scaled }),
      ...(head && { task: readDecoderHead(head, file, { startToken: 0 }) }),
    };
  },

  toHuggingFace(config) {
    const { hiddenSize, numLayers, numHeads, tiedEmbeddings, scaledOutputs = tiedEmbeddings } = config;
    const projection = writeProjection(config);
    if (!projection) throw new ModelError(`Hugging Face's T5 has no gated feed-forward with ${config.activation}`);
    return {
      architectures: [classOfHead("T5", config.task) ?? "T5ForConditionalGeneration"],
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
      feed_forward_proj: projection,
      // transformers 5 ties what has the same values, and reads whether to scale.
      tie_word_embeddings: scaledOutputs,
      scale_decoder_outputs: scaledOutputs,
      // T5's vocabularies begin with padding, with which the decoder starts, and the end of a text.
      pad_token_id: 0,
      decoder_start_token_id: 0,
      eos_token_id: 1,
      ...writeDecoderHead(config.task, config),
      dtype: "float32",
    };
  },

  differences: ({ dropout, attentionDropout }) =>
    dropout === attentionDropout
      ? []
      : [`T5 has one rate of dropout: this model's ${attentionDropout} in attention becomes ${dropout}`],
  names: t5Names,
  aliases: (name) => (name.startsWith(classifierPrefix) ? [name.slice(classifierPrefix.length)] : []),
  shared({ tiedEmbeddings, task }) {
    const prefix = task?.kind === "sequence-classification" ? classifierPrefix : "";
    const names = [...copies, ...(tiedEmbeddings && !task ? [headName] : [])];
    return names.map((name) => ({ name: `${prefix}${name}`, of: `${prefix}${embeddingName}` }));
  },
  ignoredTensors: [/^(transformer\.)?decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/],
};
