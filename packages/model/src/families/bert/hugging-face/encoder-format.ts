/** config.json of BERT, Megatron's BERT and RoBERTa: one format in three kinds. */
import * as z from "zod";
import { ModelError } from "../../../errors.ts";
import { activationField, activationName } from "../../../hugging-face/activations.ts";
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
} from "../../../hugging-face/config-json.ts";
import type { HuggingFaceConfig, HuggingFaceFormat, SharedTensor } from "../../../hugging-face/format.ts";
import type { BertConfig, BertConfigInput } from "../configuration.ts";
import {
  type Architectures,
  architectureFor,
  bertArchitectures,
  bertMarks,
  type HeadMarks,
  headsOf,
  readTaskHead,
  robertaArchitectures,
  robertaMarks,
  taskHeadFields,
  writeTaskHead,
} from "./architectures.ts";
import { bertNames, robertaNames } from "./names.ts";

/** The reference's sizes where config.json leaves them out. */
interface Sizes {
  vocabularySize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  feedForwardSize: number;
}

const baseSizes = { hiddenSize: 768, layers: 12, heads: 12, feedForwardSize: 3072 };

const fieldsOf = ({ vocabularySize, hiddenSize, layers: numLayers, heads, feedForwardSize }: Sizes) => ({
  vocab_size: count(vocabularySize),
  hidden_size: count(hiddenSize),
  num_hidden_layers: layers(numLayers),
  num_attention_heads: count(heads),
  intermediate_size: count(feedForwardSize),
  max_position_embeddings: count(512),
  type_vocab_size: count(2),
  hidden_act: activationField.default("gelu-erf"),
  /** Ours: transformers takes the model's own activation in the head. */
  head_activation: activationField.optional(),
  hidden_dropout_prob: dropoutRate(0.1),
  attention_probs_dropout_prob: dropoutRate(0.1),
  initializer_range: positive(0.02),
  layer_norm_eps: positive(1e-12),
  pad_token_id: z.int().nonnegative().nullish(),
  position_embedding_type: only("absolute"),
  is_decoder: only(false),
  add_cross_attention: only(false),
  tie_word_embeddings: only(true),
  ...onlyOrdinary,
});

const harmless = [
  ...taskHeadFields,
  // Of the first TensorFlow code, which never read them.
  ...["directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"],
  ...["pooler_size_per_head", "pooler_type"],
];

/** What tells the three formats apart. */
interface Kind {
  modelType: string;
  /** What the names of its architectures begin with. */
  className: string;
  prefix: string;
  architectures: Architectures;
  marks: HeadMarks;
  names: (config: BertConfig) => ReturnType<typeof bertNames>;
  /** What the head that predicts tokens shares, and how its bias is called besides. */
  shared: readonly SharedTensor[];
  normPlacement: BertConfig["normPlacement"];
  sizes: Sizes;
  /** Whether padding decides positions, and the head's activation is always the erf form. */
  fairseq: boolean;
}

function createFormat(kind: Kind): HuggingFaceFormat<BertConfig, BertConfigInput> {
  const { className, prefix, normPlacement, fairseq } = kind;
  const architectures = Object.keys(kind.architectures).map((name) => `${className}${name}`);

  const aliases = (name: string): string[] => {
    const bareName = name.startsWith(prefix) ? [name.slice(prefix.length)] : [];
    return [...bareName, ...[name, ...bareName].flatMap(olderNames)];
  };

  const supports = (config: BertConfig): boolean =>
    config.normPlacement === normPlacement &&
    (config.paddingToken !== undefined) === fairseq &&
    config.numTokenTypes > 0 &&
    !(fairseq && config.heads.pair);

  const theirHeadActivation = (activation: BertConfig["activation"]) => (fairseq ? "gelu-erf" : activation);

  const headDiffers = ({ heads, activation, headActivation = activation }: BertConfig) =>
    heads.languageModel && headActivation !== theirHeadActivation(activation);

  return {
    modelType: kind.modelType,
    architectures,
    shared: ({ heads }) => (heads.languageModel ? kind.shared : []),
    ignoredTensors: [/embeddings\.position_ids$/],
    names: kind.names,
    aliases,
    supports,

    fromHuggingFace(file: HuggingFaceConfig, { tensors } = {}) {
      const name = architectureOf(file, { known: architectures, unnamed: `${className}Model` });
      const architecture = kind.architectures[name.slice(className.length)]!;
      const read = readConfigJson(file, { read: fieldsOf(kind.sizes), harmless });
      if (fairseq && read.pad_token_id === null)
        throw fieldError("pad_token_id", "a number is needed for the positions");
      const holds = tensors ? (mark: string) => [mark, ...aliases(mark)].some((name) => tensors.has(name)) : null;
      const headActivation = read.head_activation ?? theirHeadActivation(read.hidden_act);
      return {
        family: "bert",
        vocabularySize: read.vocab_size,
        hiddenSize: read.hidden_size,
        numLayers: read.num_hidden_layers,
        numHeads: read.num_attention_heads,
        feedForwardSize: read.intermediate_size,
        maxPositions: read.max_position_embeddings,
        numTokenTypes: read.type_vocab_size,
        ...(fairseq ? { paddingToken: read.pad_token_id ?? 1 } : {}),
        normPlacement,
        normEpsilon: read.layer_norm_eps,
        activation: read.hidden_act,
        ...(headActivation === read.hidden_act ? {} : { headActivation }),
        dropout: read.hidden_dropout_prob,
        attentionDropout: read.attention_probs_dropout_prob,
        initializerRange: read.initializer_range,
        heads: headsOf(architecture, { marks: kind.marks, holds }),
        ...(architecture.task ? { task: readTaskHead(architecture.task, file) } : {}),
      };
    },

    toHuggingFace(config) {
      if (!supports(config)) {
        throw new ModelError(`this model's configuration cannot be said as one of Hugging Face's ${kind.modelType}`);
      }
      return {
        architectures: [`${className}${architectureFor(config, kind.architectures)}`],
        model_type: kind.modelType,
        vocab_size: config.vocabularySize,
        hidden_size: config.hiddenSize,
        num_hidden_layers: config.numLayers,
        num_attention_heads: config.numHeads,
        intermediate_size: config.feedForwardSize ?? 4 * config.hiddenSize,
        max_position_embeddings: config.maxPositions,
        type_vocab_size: config.numTokenTypes,
        hidden_act: activationName(config.activation),
        ...(headDiffers(config) ? { head_activation: activationName(config.headActivation ?? config.activation) } : {}),
        hidden_dropout_prob: config.dropout,
        attention_probs_dropout_prob: config.attentionDropout,
        initializer_range: config.initializerRange,
        layer_norm_eps: config.normEpsilon,
        ...(fairseq ? { pad_token_id: config.paddingToken } : {}),
        ...(config.task ? writeTaskHead(config.task) : {}),
        tie_word_embeddings: true,
        dtype: "float32",
      };
    },

    differences(config) {
      if (!headDiffers(config)) return [];
      const { activation, headActivation = activation } = config;
      return [
        `${className} predicts tokens with ${theirHeadActivation(activation)} in its head, this model with ` +
          `${headActivation}: its logits will differ slightly, its hidden states will not`,
      ];
    },
  };
}

/** TensorFlow's names of norm weights, which the first published files have. */
const olderNames = (name: string): string[] =>
  /(LayerNorm|layer_norm)\.(weight|bias)$/.test(name)
    ? [name.replace(/weight$/, "gamma").replace(/bias$/, "beta")]
    : [];

const bertShared: readonly SharedTensor[] = [
  { name: "cls.predictions.decoder.weight", of: "bert.embeddings.word_embeddings.weight" },
  { name: "cls.predictions.decoder.bias", of: "cls.predictions.bias", wins: true },
];

/** The Hugging Face format of BERT. */
export const bertFormat = createFormat({
  modelType: "bert",
  className: "Bert",
  prefix: "bert.",
  architectures: bertArchitectures,
  marks: bertMarks,
  names: bertNames,
  shared: bertShared,
  normPlacement: "post",
  sizes: { ...baseSizes, vocabularySize: 30522 },
  fairseq: false,
});

/** The Hugging Face format of Megatron's BERT. */
export const megatronBertFormat = createFormat({
  modelType: "megatron-bert",
  className: "MegatronBert",
  prefix: "bert.",
  architectures: bertArchitectures,
  marks: bertMarks,
  names: bertNames,
  shared: bertShared,
  normPlacement: "pre",
  sizes: { vocabularySize: 29056, hiddenSize: 1024, layers: 24, heads: 16, feedForwardSize: 4096 },
  fairseq: false,
});

/** The Hugging Face format of RoBERTa. */
export const robertaFormat = createFormat({
  modelType: "roberta",
  className: "Roberta",
  prefix: "roberta.",
  architectures: robertaArchitectures,
  marks: robertaMarks,
  names: robertaNames,
  shared: [
    { name: "lm_head.decoder.weight", of: "roberta.embeddings.word_embeddings.weight" },
    { name: "lm_head.decoder.bias", of: "lm_head.bias", wins: true },
  ],
  normPlacement: "post",
  sizes: { ...baseSizes, vocabularySize: 50265 },
  fairseq: true,
});
