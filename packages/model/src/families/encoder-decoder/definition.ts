/** The family of encoder-decoders of Megatron's blocks or BERT's. */
import { defineFamily } from "../../family.ts";
import { describeStack } from "../../stack-description.ts";
import { encoderDecoderConfigSchema } from "./configuration.ts";
import { createEncoderDecoder } from "./model.ts";
import { encoderDecoderPresets } from "./presets.ts";

export const encoderDecoder = defineFamily({
  schema: encoderDecoderConfigSchema,
  create: createEncoderDecoder,
  presets: encoderDecoderPresets,
  // No Hugging Face format has Megatron's blocks in both stacks.
  formats: [],
  predicts: ["sequence-to-sequence", "masked", "permutation"],
  objective: "span-corruption",
  generation: { writes: ["sequence-to-sequence", "permutation"], fills: ["masked"] },
  stacks(config) {
    const { attentionWindow: window, relativeDistances, numLayers, numDecoderLayers = numLayers } = config;
    const shared = { relativeDistances, window };
    return [
      describeStack(config, { ...shared, name: "encoder", causal: false }),
      describeStack(config, {
        ...shared,
        name: "decoder",
        numLayers: numDecoderLayers,
        causal: true,
        crossAttention: true,
      }),
    ];
  },
  longestSequence: ({ maxPositions = Number.POSITIVE_INFINITY }) => maxPositions,
  pairHead: ({ pairHead }) => ({ field: "pairHead", without: "false", present: pairHead, predicts: pairHead }),
});
