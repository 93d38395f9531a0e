/** The family of T5. */
import { defineFamily } from "../../family.ts";
import { describeStack } from "../../stack-description.ts";
import { t5ConfigSchema } from "./configuration.ts";
import { t5Format } from "./hugging-face.ts";
import { createT5 } from "./model.ts";
import { t5Presets } from "./presets.ts";

export const t5 = defineFamily({
  schema: t5ConfigSchema,
  create: createT5,
  presets: t5Presets,
  formats: [t5Format],
  predicts: ["sequence-to-sequence"],
  objective: "span-corruption",
  generation: { writes: ["sequence-to-sequence"], fills: [] },
  stacks: (config) => [
    describeStack(config, { name: "encoder", causal: false }),
    describeStack(config, {
      name: "decoder",
      numLayers: config.numDecoderLayers ?? config.numLayers,
      causal: true,
      crossAttention: true,
    }),
  ],
  longestSequence: () => Number.POSITIVE_INFINITY,
});
