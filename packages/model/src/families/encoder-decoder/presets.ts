/** The described system, sc2019, and its dense twins; counted by 12h^2 + 13h a layer, 16h^2 + 19h one that decodes. */
import type { Preset } from "../../family.ts";
import type { EncoderDecoderConfigInput } from "./configuration.ts";

type Size = [numLayers: number, hiddenSize: number, numHeads: number];

const encoderDecoder = (
  [numLayers, hiddenSize, numHeads]: Size,
  attentionWindow: number | null = null,
): EncoderDecoderConfigInput => ({
  family: "encoder-decoder",
  numLayers,
  hiddenSize,
  numHeads,
  vocabularySize: 30_592,
  maxPositions: 512,
  attentionWindow,
});

const window = 256;
const small: Size = [11, 1024, 16];
const large: Size = [31, 3072, 24];

export const encoderDecoderPresets = {
  "encoder-decoder-220m": {
    description: "Encoder-decoder 220M of Megatron's blocks",
    config: encoderDecoder([12, 768, 12]),
    parameters: 222_366_720,
  },
  "sc2019-345m": {
    description: "sc2019 345M: sparse local attention in both stacks",
    config: encoderDecoder(small, window),
    parameters: 355_176_448,
  },
  "sc2019-345m-dense": {
    description: "sc2019 345M with dense attention",
    config: encoderDecoder(small),
    parameters: 355_176_448,
  },
  "sc2019-8.3b": {
    description: "sc2019 8.3B: sparse local attention in both stacks",
    config: encoderDecoder(large, window),
    parameters: 8_290_086_912,
  },
  "sc2019-8.3b-dense": {
    description: "sc2019 8.3B with dense attention",
    config: encoderDecoder(large),
    parameters: 8_290_086_912,
  },
} satisfies Record<string, Preset<EncoderDecoderConfigInput>>;
