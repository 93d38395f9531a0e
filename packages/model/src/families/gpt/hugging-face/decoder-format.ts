/**
 * The formats of Llama and its successors: config.json with the fields that all of them have, and what a row adds. A row
 * says which fields of ours it can say, so that a model with others is not written as one of it.
 */
import * as z from "zod";
import { ModelError } from "../../../errors.ts";
import { activationName } from "../../../hugging-face/activations.ts";
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
import type { ForeignWeight, HuggingFaceFormat } from "../../../hugging-face/format.ts";
import { isHeadTied } from "../../../hugging-face/tied-head.ts";
import { taskHeadFields } from "../../bert/hugging-face/architectures.ts";
import type { GptConfig, GptConfigInput } from "../configuration.ts";
import { classifierOf, readClassifier, writeClassifier } from "./classifier.ts";
import { decoderNames } from "./decoder-names.ts";
import { canSay, type Support, unsaidFields, withoutRepetition } from "./plain-config.ts";
import { type ReadRotary, type RotaryOptions, readRotary, rotaryFields, writeRotary } from "./rotary.ts";

/** transformers' defaults of the fields that all have. */
export interface DecoderDefaults {
  vocabulary: number;
  positions: number;
  hidden: number;
  feedForward: number;
  layers: number;
  heads: number;
  /** Default: as many as heads. */
  keyValueHeads?: number;
  headSize?: number;
  epsilon: number;
  tied?: boolean;
}

/** The fields that all have. */
export const decoderFields = (defaults: DecoderDefaults) => ({
  vocab_size: count(defaults.vocabulary),
  max_position_embeddings: count(defaults.positions),
  hidden_size: count(defaults.hidden),
  intermediate_size: count(defaults.feedForward),
  num_hidden_layers: layers(defaults.layers),
  num_attention_heads: count(defaults.heads),
  num_key_value_heads: count(1)
    .nullable()
    .default(defaults.keyValueHeads ?? null),
  head_dim: count(1)
    .nullable()
    .default(defaults.headSize ?? null),
  attention_dropout: dropoutRate(0),
  rms_norm_eps: positive(defaults.epsilon),
  initializer_range: positive(0.02),
  tie_word_embeddings: z.boolean().default(defaults.tied ?? false),
  is_decoder: only(false),
  ...rotaryFields,
  ...onlyOrdinary,
});

type CommonFields = ReturnType<typeof decoderFields>;

/** One format: what it adds to the common fields. */
export interface DecoderRow<Fields extends z.ZodRawShape> {
  modelType: string;
  /** Its class with a head, and the bare one. */
  architectures: readonly [withHead: string, bare: string];
  /** All fields that are read, the common ones included. */
  fields: Fields;
  harmless?: readonly string[];
  support: Support;
  rotary: RotaryOptions;
  /** Our fields of its own, which win over the common ones. */
  read(json: z.output<z.ZodObject<Fields>>): Partial<GptConfigInput>;
  /** Its own fields of config.json. The configuration has no field that repeats a default. */
  write(config: GptConfig): Record<string, unknown>;
  names?(config: GptConfig): Map<string, ForeignWeight>;
}

const embeddingName = "model.embed_tokens.weight";
const headName = "lm_head.weight";

/** The bare model has no prefix. */
const aliases = (name: string) => (name.startsWith("model.") ? [name.slice("model.".length)] : []);

/** Creates the format of a row. */
export function createDecoderFormat<Fields extends CommonFields & z.ZodRawShape>(
  row: DecoderRow<Fields>,
): HuggingFaceFormat<GptConfig, GptConfigInput> {
  const { modelType, fields, harmless = [], support, rotary, names = decoderNames } = row;
  const [withHead, bare] = row.architectures;
  const classifier = classifierOf(bare);
  const architectures = [withHead, bare, classifier];
  const supports = (config: GptConfig) => canSay(config, support);
  return {
    modelType,
    architectures,
    supports,
    unsaid: (config) => unsaidFields(config, support),

    fromHuggingFace(file, { tensors } = {}) {
      const architecture = architectureOf(file, { known: architectures, unnamed: withHead });
      const classifies = architecture === classifier;
      const hasNoHead = classifies || (architecture === bare && !tensors?.has(headName));
      const ignored = classifies ? [...harmless, ...taskHeadFields] : harmless;
      const json = readConfigJson(file, { read: fields, harmless: ignored });
      // A generic shape extends the common one, which TypeScript does not see through z.output.
      const read = json as z.output<z.ZodObject<CommonFields>>;
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
        ...readRotary(read as ReadRotary, rotary),
        norm: "rms",
        normEpsilon: read.rms_norm_eps,
        gatedFeedForward: true,
        biases: false,
        // A bare model has no weight for a head.
        tiedEmbeddings:
          hasNoHead ||
          isHeadTied(read.tie_word_embeddings, {
            tensors,
            head: headName,
            embeddings: [embeddingName, ...aliases(embeddingName)],
          }),
        dropout: 0,
        attentionDropout: read.attention_dropout,
        initializerRange: read.initializer_range,
        ...(classifies && readClassifier(file)),
        ...row.read(json),
      };
    },

    toHuggingFace(config) {
      if (!supports(config)) {
        throw new ModelError(`this model's configuration cannot be said as one of Hugging Face's ${modelType}`);
      }
      const { hiddenSize, numHeads } = config;
      return {
        architectures: [config.task ? classifier : withHead],
        model_type: modelType,
        vocab_size: config.vocabularySize,
        max_position_embeddings: config.maxPositions,
        hidden_size: hiddenSize,
        intermediate_size: config.feedForwardSize ?? 4 * hiddenSize,
        num_hidden_layers: config.numLayers,
        num_attention_heads: numHeads,
        num_key_value_heads: config.numKeyValueHeads ?? numHeads,
        head_dim: config.headSize ?? hiddenSize / numHeads,
        attention_dropout: config.attentionDropout,
        rms_norm_eps: config.normEpsilon,
        initializer_range: config.initializerRange,
        ...writeRotary(config, rotary),
        tie_word_embeddings: config.tiedEmbeddings,
        ...writeClassifier(config.task),
        dtype: "float32",
        ...row.write(withoutRepetition(config)),
      };
    },

    differences: ({ dropout }) =>
      dropout > 0 && !("resid_pdrop" in fields)
        ? [`${modelType} has no dropout of embeddings and branches; this model trains with ${dropout}`]
        : [],
    names,
    aliases,
    shared: ({ tiedEmbeddings, task }) => (tiedEmbeddings && !task ? [{ name: headName, of: embeddingName }] : []),
    ignoredTensors: [/\.rotary_emb\.inv_freq$/],
  };
}

/** What all of them have in common. */
export const llamaLike: Partial<GptConfig> = {
  positions: "rotary",
  norm: "rms",
  gatedFeedForward: true,
  biases: false,
};

/** Our fields that all of them can say. */
export const llamaFields = ["rotaryTheta", "rotaryScaling", "numKeyValueHeads", "headSize"] as const;

/** `hidden_act`, as Llama has it. */
export const writeActivation = ({ activation }: GptConfig) => ({ hidden_act: activationName(activation) });

/** Special ids of a model without a tokenizer, in formats whose defaults lie beyond a small vocabulary. */
export const noSpecialIds = { pad_token_id: null, bos_token_id: null, eos_token_id: null };
