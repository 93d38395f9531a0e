/** Published sizes of decoder-only models. */
import type { Preset } from "../../family.ts";
import type { GptConfigInput } from "./configuration.ts";

type GptSize = [numLayers: number, hiddenSize: number, numHeads: number, vocabularySize: number];

const gpt = ([numLayers, hiddenSize, numHeads, vocabularySize]: GptSize): GptConfigInput => ({
  family: "gpt",
  numLayers,
  hiddenSize,
  numHeads,
  vocabularySize,
  maxPositions: 1024,
});

/** Megatron: Shoeybi et al. 2019, tables 2 and 7. GPT-2: Radford et al. 2019. */
export const gptPresets = {
  "megatron-gpt-345m": {
    description: "Megatron GPT 345M",
    config: gpt([24, 1024, 16, 50_304]),
    parameters: 354_871_296,
  },
  "megatron-gpt-1.2b": {
    description: "Megatron GPT 1.2B",
    config: gpt([40, 1536, 16, 51_200]),
    parameters: 1_213_479_936,
  },
  "megatron-gpt-2.5b": {
    description: "Megatron GPT 2.5B",
    config: gpt([54, 1920, 20, 51_200]),
    parameters: 2_490_408_960,
  },
  "megatron-gpt-4.2b": {
    description: "Megatron GPT 4.2B",
    config: gpt([64, 2304, 24, 51_200]),
    parameters: 4_199_109_120,
  },
  "megatron-gpt-8.3b": {
    description: "Megatron GPT 8.3B",
    config: gpt([72, 3072, 24, 51_200]),
    parameters: 8_317_040_640,
  },
  gpt2: { description: "GPT-2 124M", config: gpt([12, 768, 12, 50_257]), parameters: 124_439_808 },
  "gpt2-medium": { description: "GPT-2 medium", config: gpt([24, 1024, 16, 50_257]), parameters: 354_823_168 },
} satisfies Record<string, Preset<GptConfigInput>>;
