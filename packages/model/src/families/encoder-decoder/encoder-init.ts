/**
 * An encoder-decoder that begins with an encoder's weights in both stacks (Rothe et al. 2020), so that encoders can
 * translate and summarise: its configuration, and, as data, which of its weights come from where. Cross-attention has no
 * counterpart in an encoder and begins fresh.
 */
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { ModelConfig } from "../../configuration.ts";
import { ModelError } from "../../errors.ts";
import type { BertConfig } from "../bert/configuration.ts";
import type { XlnetConfig } from "../xlnet/configuration.ts";
import { type EncoderDecoderConfig, encoderDecoderConfigSchema } from "./configuration.ts";

/** A weight of the encoder: all of it, or its rows from `first` on, of so many. */
export interface WarmWeight {
  name: string;
  rows?: { first: number; of: number };
}

export interface WarmStart {
  config: EncoderDecoderConfig;
  /** Of the encoder-decoder's weights, those that are filled. */
  weights: ReadonlyMap<string, WarmWeight>;
}

/**
 * The encoder-decoder of an encoder. `maxPositions` is for XLNet alone, whose own positions have no end: 512 unless given.
 * Throws a ModelError for a model that is no encoder.
 */
export function warmStart(config: ModelConfig, { maxPositions = 512 }: { maxPositions?: number } = {}): WarmStart {
  if (config.family === "bert") return { config: fromBert(config), weights: bertWeights(config) };
  if (config.family === "xlnet") return { config: fromXlnet(config, maxPositions), weights: xlnetWeights(config) };
  throw new ModelError(`a model of the family ${config.family} is no encoder to start from: take one of bert or xlnet`);
}

/** The source of a warm-started model's weights: of the encoder where it has them, else fresh. */
export function warmSource(
  weights: WarmStart["weights"],
  { encoder, fresh }: { encoder: ParameterSource; fresh: ParameterSource },
): ParameterSource {
  return (declaration) => {
    const from = weights.get(declaration.name);
    if (!from) return fresh(declaration);
    const { name, rows } = from;
    if (!rows) return encoder({ ...declaration, name });
    const [count, ...rest] = declaration.shape;
    const shape = [rows.of, ...rest];
    const whole = encoder({ ...declaration, name, shape, globalShape: shape, origin: shape.map(() => 0) });
    if (!whole) return null;
    const part = tf.keep(tf.slice(whole, [rows.first, 0], [count!, -1]));
    whole.dispose();
    return part;
  };
}

const sharedOf = ({ numLayers, hiddenSize, numHeads, feedForwardSize, ...config }: BertConfig | XlnetConfig) => ({
  family: "encoder-decoder" as const,
  numLayers,
  hiddenSize,
  numHeads,
  ...(feedForwardSize && { feedForwardSize }),
  vocabularySize: config.vocabularySize,
  dropout: config.dropout,
  attentionDropout: config.attentionDropout,
  initializerRange: config.initializerRange,
  activation: config.activation,
  normEpsilon: config.normEpsilon,
});

/** The position of a text's first token. */
const firstPosition = ({ paddingToken = -1 }: BertConfig) => paddingToken + 1;

const fromBert = (config: BertConfig): EncoderDecoderConfig =>
  encoderDecoderConfigSchema.parse({
    ...sharedOf(config),
    maxPositions: config.maxPositions - firstPosition(config),
    numTokenTypes: config.numTokenTypes,
    normPlacement: config.normPlacement,
    headTransform: config.heads.languageModel,
    ...(config.headActivation && { headActivation: config.headActivation }),
    pairHead: config.heads.pair,
  });

const fromXlnet = (config: XlnetConfig, maxPositions: number): EncoderDecoderConfig =>
  encoderDecoderConfigSchema.parse({
    ...sharedOf(config),
    maxPositions,
    normPlacement: "post",
    relativeDistances: true,
  });

const kinds = ["weight", "bias"];
const both = (names: readonly string[]) => names.flatMap((name) => kinds.map((kind) => `${name}.${kind}`));

/** The encoder's layers in both stacks. */
function inBothStacks(numLayers: number, names: readonly string[]): [string, WarmWeight][] {
  return ["encoder", "decoder"].flatMap((stack) =>
    Array.from({ length: numLayers }, (_, index) => `layers.${index}`).flatMap((layer) =>
      names.map((name): [string, WarmWeight] => [`${stack}.${layer}.${name}`, { name: `${layer}.${name}` }]),
    ),
  );
}

const alike = (names: readonly string[]) => names.map((name): [string, WarmWeight] => [name, { name }]);

const besideAttention = both(["attentionNorm", "feedForwardNorm", "feedForward.input", "feedForward.output"]);

function bertWeights(config: BertConfig): Map<string, WarmWeight> {
  const { numLayers, numTokenTypes, normPlacement, heads, maxPositions } = config;
  const first = firstPosition(config);
  const rows = first > 0 ? { rows: { first, of: maxPositions } } : {};
  const projections = both(["query", "key", "value", "output"].map((name) => `attention.${name}`));
  return new Map<string, WarmWeight>([
    ...alike(["tokenEmbedding.weight", ...(numTokenTypes > 0 ? ["tokenTypeEmbedding.weight"] : [])]),
    ["positionEmbedding.weight", { name: "positionEmbedding.weight", ...rows }],
    ...alike(normPlacement === "post" ? both(["embeddingNorm"]) : []),
    ...inBothStacks(numLayers, [...projections, ...besideAttention]),
    ...(normPlacement === "pre"
      ? both(["finalNorm"]).flatMap((name): [string, WarmWeight][] => [
          [`encoder.${name}`, { name }],
          [`decoder.${name}`, { name }],
        ])
      : []),
    ...alike(heads.languageModel ? [...both(["dense", "norm"].map(inHead)), inHead("bias")] : []),
    ...alike(heads.pair ? both(["pooler", "pairHead"]) : []),
  ]);
}

const inHead = (name: string) => `languageModelHead.${name}`;

function xlnetWeights({ numLayers }: XlnetConfig): Map<string, WarmWeight> {
  const projections = ["query", "key", "value", "output", "distance"].map((name) => `attention.${name}.weight`);
  const vectors = ["contentBias", "distanceBias", "segmentBias", "segments"].map((name) => `attention.${name}`);
  return new Map<string, WarmWeight>([
    ...alike(["tokenEmbedding.weight"]),
    ...inBothStacks(numLayers, [...projections, ...vectors, ...besideAttention]),
  ]);
}
