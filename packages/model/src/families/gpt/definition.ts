/** The family of decoder-only models. */
import { defineFamily } from "../../family.ts";
import { describeStack } from "../../stack-description.ts";
import { gptConfigSchema } from "./configuration.ts";
import { gpt2Format } from "./hugging-face-gpt2.ts";
import { llamaFormat } from "./hugging-face-llama.ts";
import { createGpt } from "./model.ts";
import { gptPresets } from "./presets.ts";

export const gpt = defineFamily({
  schema: gptConfigSchema,
  create: createGpt,
  presets: gptPresets,
  formats: [gpt2Format, llamaFormat],
  predicts: ["causal"],
  objective: "causal",
  generation: { writes: ["causal"], fills: [] },
  stacks: (config) => [describeStack(config, { name: "decoder", causal: true })],
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY }) => maxPositions,
});
