/** Expected counts: those of the reference implementations (Megatron-LM, transformers), and of the papers' tables. */
import { describe, expect, it } from "vitest";
import { transformerParameters } from "./parameters.ts";

const shape = (numLayers: number, hiddenSize: number, sequenceLength: number, vocabularySize: number) => ({
  numLayers,
  hiddenSize,
  sequenceLength,
  vocabularySize,
});

describe("transformerParameters", () => {
  it.each([
    ["Megatron 345M", shape(24, 1024, 1024, 50304), 354_871_296],
    ["Megatron 1.2B", shape(40, 1536, 1024, 51200), 1_213_479_936],
    ["Megatron 2.5B", shape(54, 1920, 1024, 51200), 2_490_408_960],
    ["Megatron 4.2B", shape(64, 2304, 1024, 51200), 4_199_109_120],
    ["Megatron 8.3B", shape(72, 3072, 1024, 51200), 8_317_040_640],
    ["GPT-2", shape(12, 768, 1024, 50257), 124_439_808],
    ["GPT-2 medium", shape(24, 1024, 1024, 50257), 354_823_168],
  ])("%s", (_, model, count) => {
    expect(transformerParameters(model)).toBe(count);
  });

  it.each([
    [24, 2304, 1.7],
    [40, 6144, 18.4],
    [80, 12288, 145.6],
    [105, 20480, 529.6],
    [128, 25600, 1008.0],
  ])("%d layers of %d hold %d billion (Narayanan et al. 2021, table 1)", (numLayers, hiddenSize, billions) => {
    const count = transformerParameters(shape(numLayers, hiddenSize, 2048, 51200));
    expect(Math.round(count / 1e8) / 10).toBe(billions);
  });

  it("takes another feed-forward size", () => {
    // Two matrices of 8 x 20 with biases 20 and 8, and attention, norms and embeddings counted by hand.
    const tiny = { ...shape(1, 8, 4, 10), feedForwardSize: 20 };
    expect(transformerParameters(tiny)).toBe(4 * 64 + 4 * 8 + (2 * 160 + 20 + 8) + 32 + 16 + 14 * 8);
  });
});
