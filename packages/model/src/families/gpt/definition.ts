/** The family of decoder-only models. */

import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { dependsOnLength } from "../../layers/rotary-scaling.ts";
import { type GptConfig, gptConfigSchema } from "./configuration.ts";
import { gemma2Format, gemma3TextFormat } from "./hugging-face/gemma.ts";
import { gpt2Format } from "./hugging-face/gpt2.ts";
import { llamaFormat } from "./hugging-face/llama.ts";
import { mistralFormat } from "./hugging-face/mistral.ts";
import { phi3Format } from "./hugging-face/phi3.ts";
import { qwen2Format, qwen3Format } from "./hugging-face/qwen.ts";
import { smolLm3Format } from "./hugging-face/smollm3.ts";
import { gptMegatronLmFormat } from "./megatron-lm.ts";
import { createGpt } from "./model.ts";
import { gptPresets } from "./presets.ts";

/** The layers with a window, and those without. */
function describeDecoderLayers(config: GptConfig) {
  const { attentionWindow, numLayers, layersWithoutWindow } = config;
  if (attentionWindow === null) return describeLayers(config, { causal: true });
  const wide = new Set(layersWithoutWindow).size;
  const window = { before: attentionWindow - 1, after: 0 };
  return [
    ...(wide < numLayers ? describeLayers(config, { causal: true, window, numLayers: numLayers - wide }) : []),
    ...(wide > 0 ? describeLayers(config, { causal: true, numLayers: wide }) : []),
  ];
}

export const gpt = defineFamily({
  schema: gptConfigSchema,
  create: createGpt,
  presets: gptPresets,
  formats: [
    gpt2Format,
    llamaFormat,
    mistralFormat,
    qwen2Format,
    qwen3Format,
    smolLm3Format,
    phi3Format,
    gemma2Format,
    gemma3TextFormat,
  ],
  options: {
    positions: "rotary",
    queryKeyNorm: true,
    attentionSinks: true,
    activation: "squared-relu",
    logitsCap: 15,
    tiedEmbeddings: false,
    zeroInitializedOutputs: true,
    embeddingNorm: true,
    embeddingShortcut: true,
    layersWithValueEmbeddings: [0],
    pairEmbeddings: 512,
    tokenShift: true,
  },
  hasStages: true,
  keepsTokensTogether({ pairEmbeddings, tokenShift, rotaryScaling }) {
    if (pairEmbeddings !== undefined || tokenShift) return "models with pairEmbeddings or tokenShift";
    return rotaryScaling && dependsOnLength(rotaryScaling) ? `models with ${rotaryScaling.type} rotaryScaling` : null;
  },
  megatronLm: gptMegatronLmFormat,
  predicts: ["causal"],
  objective: "causal",
  generation: { writes: ["causal"], fills: [] },
  describe: (config) => ({
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    layers: describeDecoderLayers(config),
    headLayers: 0,
  }),
  withTask: (config, task) => ({ ...config, tiedEmbeddings: true, task }),
  positionsOf({ positions, rotaryScaling }) {
    if (positions === "alibi") return { kind: "linear" };
    if (positions === "rotary") return { kind: "rotary", isScaled: rotaryScaling !== undefined };
    return { kind: "learned", name: "positionEmbedding.weight", reserved: 0, inMaxPositions: false, window: false };
  },
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY }) => maxPositions,
});
