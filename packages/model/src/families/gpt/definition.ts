/** The family of decoder-only models. */

import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { gptConfigSchema } from "./configuration.ts";
import { gpt2Format } from "./hugging-face/gpt2.ts";
import { llamaFormat } from "./hugging-face/llama.ts";
import { gptMegatronLmFormat } from "./megatron-lm.ts";
import { createGpt } from "./model.ts";
import { gptPresets } from "./presets.ts";

export const gpt = defineFamily({
  schema: gptConfigSchema,
  create: createGpt,
  presets: gptPresets,
  formats: [gpt2Format, llamaFormat],
  megatronLm: gptMegatronLmFormat,
  predicts: ["causal"],
  objective: "causal",
  generation: { writes: ["causal"], fills: [] },
  describe: (config) => ({
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    layers: [describeLayers(config, { causal: true })],
    headLayers: 0,
  }),
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY }) => maxPositions,
});
