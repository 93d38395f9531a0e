/** Initializes an encoder-decoder from a BERT, Megatron's BERT or RoBERTa. */
import {
  blockNamesBesideAttention,
  type EncoderInit,
  type EncoderWeight,
  inBothStacks,
  sameNames,
  sharedEncoderFields,
  weightAndBias,
} from "../../encoder-init.ts";
import { ModelError } from "../../errors.ts";
import type { EncoderDecoderConfigInput } from "../encoder-decoder/configuration.ts";
import type { BertConfig } from "./configuration.ts";

export function bertEncoderInit(config: BertConfig): EncoderInit & { config: EncoderDecoderConfigInput } {
  for (const field of ["embeddingSize", "numLayerGroups"] as const) {
    if (config[field] !== undefined) throw new ModelError(`an encoder with ${field} cannot start an encoder-decoder`);
  }
  return {
    config: {
      family: "encoder-decoder",
      ...sharedEncoderFields(config),
      maxPositions: config.maxPositions - firstPosition(config),
      numTokenTypes: config.numTokenTypes,
      normPlacement: config.normPlacement,
      headTransform: config.heads.languageModel,
      ...(config.headActivation && { headActivation: config.headActivation }),
      pairHead: config.heads.pair,
    },
    weights: weightsOf(config),
    // A translator has no use for the head that classifies pairs.
    leaveOut: { pairHead: false },
  };
}

/** The position of a text's first token. */
const firstPosition = ({ paddingToken = -1 }: BertConfig) => paddingToken + 1;

const inHead = (name: string) => `languageModelHead.${name}`;

function weightsOf(config: BertConfig): Map<string, EncoderWeight> {
  const { numLayers, numTokenTypes, normPlacement, heads, maxPositions } = config;
  const first = firstPosition(config);
  const rows = first > 0 ? { rows: { first, of: maxPositions } } : {};
  const projections = weightAndBias(["query", "key", "value", "output"].map((name) => `attention.${name}`));
  return new Map<string, EncoderWeight>([
    ...sameNames(["tokenEmbedding.weight", ...(numTokenTypes > 0 ? ["tokenTypeEmbedding.weight"] : [])]),
    ["positionEmbedding.weight", { name: "positionEmbedding.weight", ...rows }],
    ...sameNames(normPlacement === "post" ? weightAndBias(["embeddingNorm"]) : []),
    ...inBothStacks(numLayers, [...projections, ...blockNamesBesideAttention]),
    ...(normPlacement === "pre"
      ? weightAndBias(["finalNorm"]).flatMap((name): [string, EncoderWeight][] => [
          [`encoder.${name}`, { name }],
          [`decoder.${name}`, { name }],
        ])
      : []),
    ...sameNames(heads.languageModel ? [...weightAndBias(["dense", "norm"].map(inHead)), inHead("bias")] : []),
    ...sameNames(heads.pair ? weightAndBias(["pooler", "pairHead"]) : []),
  ]);
}
