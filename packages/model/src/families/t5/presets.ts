/** T5, the original sizes: Raffel et al. 2020, section 3.7. */
import type { Preset } from "../../family.ts";
import type { T5ConfigInput } from "./configuration.ts";

const t5 = (numLayers: number, hiddenSize: number, numHeads: number): T5ConfigInput => ({
  family: "t5",
  numLayers,
  hiddenSize,
  numHeads,
  vocabularySize: 32_128,
});

export const t5Presets = {
  "t5-base": { description: "T5 base (original)", config: t5(12, 768, 12), parameters: 222_903_552 },
  "t5-large": { description: "T5 large (original)", config: t5(24, 1024, 16), parameters: 737_668_096 },
} satisfies Record<string, Preset<T5ConfigInput>>;
