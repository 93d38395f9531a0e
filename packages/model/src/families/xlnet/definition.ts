/** The family of XLNet. */
import { defineFamily } from "../../family.ts";
import { describeStack } from "../../stack-description.ts";
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
  predicts: ["permutation"],
  objective: "permutation",
  generation: { writes: ["permutation"], fills: ["permutation"] },
  stacks: (config) => [describeStack(config, { name: "encoder", causal: false, relativeDistances: true })],
  longestSequence: () => Number.POSITIVE_INFINITY,
  encoderInit: xlnetEncoderInit,
});
