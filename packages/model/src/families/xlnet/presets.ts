/** XLNet: Yang et al. 2019, with the head that it was pretrained with, and the memory of its recipe. */
import type { Preset } from "../../family.ts";
import type { XlnetConfigInput } from "./configuration.ts";

const xlnet = (numLayers: number, hiddenSize: number, numHeads: number): XlnetConfigInput => ({
  family: "xlnet",
  numLayers,
  hiddenSize,
  numHeads,
  vocabularySize: 32_000,
  memoryLength: 384,
  reuseLength: 256,
});

export const xlnetPresets = {
  "xlnet-base": { description: "XLNet base", config: xlnet(12, 768, 12), parameters: 116_750_336 },
  "xlnet-large": { description: "XLNet large", config: xlnet(24, 1024, 16), parameters: 360_300_800 },
} satisfies Record<string, Preset<XlnetConfigInput>>;
