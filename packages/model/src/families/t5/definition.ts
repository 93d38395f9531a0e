/** The family of T5. */

import { describeLayers } from "../../description.ts";
import { defineFamily } from "../../family.ts";
import { t5ConfigSchema } from "./configuration.ts";
import { t5Format } from "./hugging-face.ts";
import { createT5 } from "./model.ts";
import { t5Presets } from "./presets.ts";

export const t5 = defineFamily({
  schema: t5ConfigSchema,
  create: createT5,
  presets: t5Presets,
  formats: [t5Format],
  hasStages: true,
  predicts: ["sequence-to-sequence"],
  objective: "span-corruption",
  generation: { writes: ["sequence-to-sequence"], fills: [] },
  describe: (config) => ({
    hiddenSize: config.hiddenSize,
    vocabularySize: config.vocabularySize,
    layers: [
      ...describeLayers(config, { causal: false, reads: "source" }),
      ...describeLayers(config, { causal: true, numLayers: config.numDecoderLayers, crossAttention: true }),
    ],
    headLayers: 0,
  }),
  longestSequence: () => Number.POSITIVE_INFINITY,
  withTask: (config, task) => ({ ...config, tiedEmbeddings: true, task }),
});
