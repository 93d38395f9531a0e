/** The family of encoder-decoders of Megatron's blocks or BERT's. */

import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { encoderDecoderConfigSchema } from "./configuration.ts";
import { bartFormat } from "./hugging-face.ts";
import { t5MegatronLmFormat } from "./megatron-lm.ts";
import { createEncoderDecoder } from "./model.ts";
import { encoderDecoderPresets } from "./presets.ts";

export const encoderDecoder = defineFamily({
  schema: encoderDecoderConfigSchema,
  create: createEncoderDecoder,
  presets: encoderDecoderPresets,
  // None has Megatron's blocks in both stacks.
  formats: [bartFormat],
  megatronLm: t5MegatronLmFormat,
  hasStages: true,
  predicts: ["sequence-to-sequence", "masked", "permutation"],
  objective: "span-corruption",
  generation: { writes: ["sequence-to-sequence", "permutation"], fills: ["masked"] },
  describe(config, prediction) {
    const { hiddenSize, vocabularySize, attentionWindow, relativeDistances: relativePositions } = config;
    const half = attentionWindow === null ? 0 : Math.floor(attentionWindow / 2);
    const near = attentionWindow === null ? undefined : { before: half, after: half };
    const earlier = attentionWindow === null ? undefined : { before: attentionWindow - 1, after: 0 };
    const alone = prediction === "masked";
    const encoder = describeLayers(config, {
      causal: false,
      window: near,
      relativePositions,
      reads: alone ? "target" : "source",
    });
    const decoder = describeLayers(config, {
      causal: prediction !== "permutation",
      window: prediction === "permutation" ? near : earlier,
      relativePositions,
      numLayers: config.numDecoderLayers,
      crossAttention: true,
    });
    const headLayers = config.headTransform ? 1 : 0;
    return { hiddenSize, vocabularySize, layers: alone ? encoder : [...encoder, ...decoder], headLayers };
  },
  positionsOf: ({ relativeDistances, reservedPositions: reserved }) =>
    relativeDistances
      ? null
      : { kind: "learned", name: "positionEmbedding.weight", reserved, inMaxPositions: false, window: false },
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY }) => maxPositions,
  withTask: (config, task) => ({ ...config, headTransform: false, logitsBias: false, pairHead: false, task }),
  pairHead: ({ pairHead }) => ({
    field: "pairHead",
    without: "false",
    present: pairHead,
    predicts: pairHead,
    weights: pairHead ? ["pooler", "pairHead"] : [],
  }),
});
