/** Initializes an encoder-decoder from an XLNet. */
import {
  blockNamesBesideAttention,
  type EncoderInit,
  type EncoderWeight,
  inBothStacks,
  sameNames,
  sharedEncoderFields,
} from "../../encoder-init.ts";
import type { EncoderDecoderConfigInput } from "../encoder-decoder/configuration.ts";
import type { XlnetConfig } from "./configuration.ts";

/** `maxPositions` limits generation: XLNet's own positions have no end. */
export function xlnetEncoderInit(
  config: XlnetConfig,
  { maxPositions = 512 }: { maxPositions?: number },
): EncoderInit & { config: EncoderDecoderConfigInput } {
  return {
    config: {
      family: "encoder-decoder",
      ...sharedEncoderFields(config),
      maxPositions,
      normPlacement: "post",
      relativeDistances: true,
    },
    weights: weightsOf(config),
    leaveOut: {},
  };
}

function weightsOf({ numLayers }: XlnetConfig): Map<string, EncoderWeight> {
  const projections = ["query", "key", "value", "output", "distance"].map((name) => `attention.${name}.weight`);
  const vectors = ["contentBias", "distanceBias", "segmentBias", "segments"].map((name) => `attention.${name}`);
  return new Map<string, EncoderWeight>([
    ...sameNames(["tokenEmbedding.weight"]),
    ...inBothStacks(numLayers, [...projections, ...vectors, ...blockNamesBesideAttention]),
  ]);
}
