/**
 * The formats of BERT and its successors: config.json with the fields that BERT has, by the names that a kind has for them,
 * and what a kind adds.
 */
import * as z from "zod";
import { isDense } from "../../../configuration-fields.ts";
import { ModelError } from "../../../errors.ts";
import type { TaskHeadConfig } from "../../../heads/configuration.ts";
import { readsSummary } from "../../../heads/task-head.ts";
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
import type {
  ForeignWeight,
  HuggingFaceConfig,
  HuggingFaceFormat,
  SharedTensor,
} from "../../../hugging-face/format.ts";
import { isHeadTied } from "../../../hugging-face/tied-head.ts";
import type { BertConfig, BertConfigInput } from "../configuration.ts";
import {
  type Architectures,
  architectureFor,
  type HeadMarks,
  headsOf,
  readTaskHead,
  taskHeadFields,
  writeTaskHead,
} from "./architectures.ts";

/** The reference's values where config.json leaves them out. */
interface Defaults {
  vocabularySize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  feedForwardSize: number;
  activation?: BertConfig["activation"];
  dropout?: number;
}

/** BERT's sizes. */
export const baseSizes = { hiddenSize: 768, layers: 12, heads: 12, feedForwardSize: 3072 };

const fieldsOf = ({ vocabularySize, hiddenSize, layers: numLayers, heads, feedForwardSize, ...rest }: Defaults) => ({
  vocab_size: count(vocabularySize),
  hidden_size: count(hiddenSize),
  num_hidden_layers: layers(numLayers),
  num_attention_heads: count(heads),
  intermediate_size: count(feedForwardSize),
  max_position_embeddings: count(512),
  type_vocab_size: count(2),
  hidden_act: activationField.default(rest.activation ?? "gelu-erf"),
  /** Ours: transformers takes the model's own activation in the head. */
  head_activation: activationField.optional(),
  hidden_dropout_prob: dropoutRate(rest.dropout ?? 0.1),
  attention_probs_dropout_prob: dropoutRate(rest.dropout ?? 0.1),
  initializer_range: positive(0.02),
  layer_norm_eps: positive(1e-12),
  pad_token_id: z.int().nonnegative().nullish(),
  position_embedding_type: only("absolute"),
  is_decoder: only(false),
  add_cross_attention: only(false),
  tie_word_embeddings: z.boolean().default(true),
  ...onlyOrdinary,
});

const harmless = [
  ...taskHeadFields,
  // Of the first TensorFlow code, which never read them.
  ...["directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"],
  ...["pooler_size_per_head", "pooler_type"],
];

/** What the head that predicts tokens shares. */
export interface HeadWeights {
  /** Its weight, which is the token embedding's unless it is untied. */
  weight: string;
  embedding: string;
  /** Its bias, and the other name that some have for it, by which the reference computes. */
  bias: string;
  decoderBias?: string;
}

/** What tells the formats apart. */
export interface EncoderKind<Fields extends z.ZodRawShape> {
  modelType: string;
  /** What the names of its architectures begin with. */
  className: string;
  prefix: string;
  architectures: Architectures;
  marks: HeadMarks;
  names: (config: BertConfig) => Map<string, ForeignWeight>;
  head: HeadWeights;
  normPlacement?: BertConfig["normPlacement"];
  defaults: Defaults;
  /** Whether padding decides positions. */
  fairseq?: boolean;
  /** Whether the activation of the head that predicts tokens is always the erf form. */
  erfHead?: boolean;
  /** Activation of a head for sequences without a pooler. */
  taskActivation?: "relu" | "gelu-erf";
  /** BERT's fields that it has by other names. */
  renamed?: Readonly<Record<string, string>>;
  /** Other names of those, as transformers takes them. */
  aliases?: Readonly<Record<string, string>>;
  /** BERT's fields that it does not have. */
  without?: readonly string[];
  /** Fields of its own. */
  fields: Fields;
  harmless?: readonly string[];
  read?: (
    json: z.output<z.ZodObject<Fields>>,
    task: TaskHeadConfig["kind"] | undefined,
    sizes: { layers: number },
  ) => Partial<BertConfigInput>;
  /** The rate of its task head's dropout; undefined for the model's own. */
  taskDropout?: (json: z.output<z.ZodObject<Fields>>, task: TaskHeadConfig["kind"]) => number | undefined;
  write?: (config: BertConfig) => Record<string, unknown>;
  /** Whether it can say the fields in which its models differ from BERT's. Default: that there are none. */
  canSay?: (config: BertConfig) => boolean;
  /** Whether a model's attention is its own. Default: that all tokens see each other. */
  hasAttention?: (config: BertConfig) => boolean;
  /** What differs where transformers runs a model that it wrote. */
  differences?: (config: BertConfig) => string[];
  /** Models are written as those of another kind, which is the same but for its name. */
  readOnly?: true;
}

/** Creates the format of a kind. */
export function createEncoderFormat<Fields extends z.ZodRawShape>(
  kind: EncoderKind<Fields>,
): HuggingFaceFormat<BertConfig, BertConfigInput> {
  const { className, prefix, normPlacement = "post", fairseq = false, erfHead = fairseq, renamed = {}, head } = kind;
  const { without = [], taskActivation } = kind;
  const architectures = Object.keys(kind.architectures).map((name) => `${className}${name}`);
  const hasTokenTypes = !without.includes("type_vocab_size");

  const aliases = (name: string): string[] => {
    const bareName = name.startsWith(prefix) ? [name.slice(prefix.length)] : [];
    return [...bareName, ...[name, ...bareName].flatMap(olderNames)];
  };

  const isOrdinary = ({ embeddingSize, numLayerGroups }: BertConfig) =>
    embeddingSize === undefined && numLayerGroups === undefined;

  const isOrdinaryAttention = (config: BertConfig) => isDense(config) && !config.globalProjections;

  const supports = (config: BertConfig): boolean =>
    !kind.readOnly &&
    (kind.hasAttention ?? isOrdinaryAttention)(config) &&
    config.normPlacement === normPlacement &&
    (config.paddingToken !== undefined) === fairseq &&
    config.numTokenTypes > 0 === hasTokenTypes &&
    hasItsTaskHead(config) &&
    !(fairseq && config.heads.pair) &&
    (kind.canSay ?? isOrdinary)(config);

  /** Whether there is a class with the head, and the dense layer of one for sequences is bent as theirs is. */
  function hasItsTaskHead({ task, heads }: BertConfig): boolean {
    if (task && !Object.values(kind.architectures).some((known) => known.task === task.kind)) return false;
    if (!readsSummary(task) || heads.pooler) return true;
    return (task.activation ?? "tanh") === (taskActivation ?? "tanh");
  }

  const theirHeadActivation = (activation: BertConfig["activation"]) => (erfHead ? "gelu-erf" : activation);

  const headDiffers = ({ heads, activation, headActivation = activation }: BertConfig) =>
    heads.languageModel && headActivation !== theirHeadActivation(activation);

  function taskOf(
    task: TaskHeadConfig["kind"],
    { file, own, heads }: { file: HuggingFaceConfig; own: z.output<z.ZodObject<Fields>>; heads: BertConfig["heads"] },
  ): TaskHeadConfig {
    const dropout = kind.taskDropout ? { classifier_dropout: kind.taskDropout(own, task) } : {};
    const read = readTaskHead(task, { ...file, ...dropout });
    if (!taskActivation || !readsSummary(read) || heads.pooler) return read;
    return { ...read, activation: taskActivation };
  }

  return {
    modelType: kind.modelType,
    architectures,
    shared: ({ heads, tiedEmbeddings }) => (heads.languageModel ? sharedOf(head, { tiedEmbeddings }) : []),
    ignoredTensors: [/embeddings\.position_ids$/],
    names: (config) => withDecoder(kind.names(config), { config, head }),
    aliases,
    supports,

    fromHuggingFace(file: HuggingFaceConfig, { tensors } = {}) {
      const name = architectureOf(file, { known: architectures, unnamed: `${className}Model` });
      const architecture = kind.architectures[name.slice(className.length)]!;
      const unknown = without.find((field) => file[field] !== undefined && file[field] !== null);
      if (unknown !== undefined) throw fieldError(unknown, `unknown field in a config.json of ${kind.modelType}`);
      const taken = Object.keys(renamed).find((field) => !kind.aliases?.[field] && file[field] != null);
      if (taken !== undefined) throw fieldError(taken, `unknown field: ${kind.modelType} has ${renamed[taken]}`);
      const json = readConfigJson(file, {
        read: { ...fieldsOf(kind.defaults), ...kind.fields },
        aliases: {
          ...kind.aliases,
          ...Object.fromEntries(Object.entries(renamed).map(([ours, theirs]) => [theirs, ours])),
        },
        harmless: [...harmless, ...(kind.harmless ?? [])],
      });
      // Both shapes are there, which TypeScript does not see of a generic one.
      const read = json as z.output<z.ZodObject<ReturnType<typeof fieldsOf>>>;
      const own = json as z.output<z.ZodObject<Fields>>;
      if (fairseq && read.pad_token_id === null)
        throw fieldError("pad_token_id", "a number is needed for the positions");
      const holds = tensors ? (mark: string) => [mark, ...aliases(mark)].some((name) => tensors.has(name)) : null;
      const heads = headsOf(architecture, { marks: kind.marks, holds });
      const headActivation = read.head_activation ?? theirHeadActivation(read.hidden_act);
      return {
        family: "bert",
        vocabularySize: read.vocab_size,
        hiddenSize: read.hidden_size,
        numLayers: read.num_hidden_layers,
        numHeads: read.num_attention_heads,
        feedForwardSize: read.intermediate_size,
        maxPositions: read.max_position_embeddings,
        numTokenTypes: hasTokenTypes ? read.type_vocab_size : 0,
        ...(fairseq ? { paddingToken: read.pad_token_id ?? 1 } : {}),
        normPlacement,
        normEpsilon: read.layer_norm_eps,
        activation: read.hidden_act,
        ...(headActivation === read.hidden_act ? {} : { headActivation }),
        dropout: read.hidden_dropout_prob,
        attentionDropout: read.attention_probs_dropout_prob,
        initializerRange: read.initializer_range,
        heads,
        tiedEmbeddings: heads.languageModel
          ? isHeadTied(read.tie_word_embeddings, {
              tensors,
              head: head.weight,
              embeddings: [head.embedding, ...aliases(head.embedding)],
            })
          : true,
        ...(architecture.task ? { task: taskOf(architecture.task, { file, own, heads }) } : {}),
        ...kind.read?.(own, architecture.task, { layers: read.num_hidden_layers }),
      };
    },

    toHuggingFace(config) {
      if (!supports(config)) {
        throw new ModelError(`this model's configuration cannot be said as one of Hugging Face's ${kind.modelType}`);
      }
      const fields: Record<string, unknown> = {
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
        tie_word_embeddings: config.tiedEmbeddings,
        dtype: "float32",
        ...kind.write?.(config),
      };
      return Object.fromEntries(
        Object.entries(fields)
          .filter(([field]) => !without.includes(field))
          .map(([field, value]) => [renamed[field] ?? field, value]),
      );
    },

    differences(config) {
      const own = kind.differences?.(config) ?? [];
      if (!headDiffers(config)) return own;
      const { activation, headActivation = activation } = config;
      return [
        ...own,
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

/** Tensors under two names: the weight of a tied head, and its bias, of which an untied head's files need both. */
function sharedOf(
  { weight, embedding, bias, decoderBias }: HeadWeights,
  { tiedEmbeddings }: { tiedEmbeddings: boolean },
) {
  const shared: SharedTensor[] = tiedEmbeddings ? [{ name: weight, of: embedding }] : [];
  if (decoderBias) {
    shared.push({ name: decoderBias, of: bias, wins: true, ...(tiedEmbeddings ? {} : { written: true as const }) });
  }
  return shared;
}

/** The names with the weight of an untied head. */
function withDecoder(
  names: Map<string, ForeignWeight>,
  { config: { heads, tiedEmbeddings }, head }: { config: BertConfig; head: HeadWeights },
): Map<string, ForeignWeight> {
  if (heads.languageModel && !tiedEmbeddings) names.set("languageModelHead.decoder.weight", { name: head.weight });
  return names;
}
