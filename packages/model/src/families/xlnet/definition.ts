/** The family of XLNet. */

import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { xlnetConfigSchema } from "./configuration.ts";
import { xlnetEncoderInit } from "./encoder-init.ts";
import { xlnetFormat } from "./hugging-face.ts";
import { createXlnet } from "./model.ts";
import { xlnetPresets } from "./presets.ts";

export const xlnet = defineFamily({
  schema: xlnetConfigSchema,
  create: createXlnet,
  presets: xlnetPresets,
  formats: [xlnetFormat],
  hasStages: true,
  predicts: ["permutation"],
  objective: "permutation",
  generation: { writes: ["permutation"], fills: ["permutation"] },
  describe: (config) => ({
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    layers: describeLayers(config, { causal: false, relativePositions: true }),
    headLayers: 0,
  }),
  longestSequence: () => Number.POSITIVE_INFINITY,
  withTask: (config, task) => ({ ...config, languageModelHead: false, tiedEmbeddings: true, task }),
  unusedByTask: ["maskEmbedding"],
  encoderInit: xlnetEncoderInit,
});
