// Expected counts: the reference implementations' own (Megatron-LM, transformers), and the papers' tables.
import { describe, expect, it } from "vitest";
import { bertParameters, gptParameters } from "./parameters.ts";

const shape = (numLayers: number, hiddenSize: number, sequenceLength: number, vocabularySize: number) => ({
  numLayers,
  hiddenSize,
  sequenceLength,
  vocabularySize,
});
const heads = { languageModelHead: true, binaryHead: true };

describe("gptParameters", () => {
  it.each([
    ["Megatron 345M", shape(24, 1024, 1024, 50304), 354_871_296],
    ["Megatron 1.2B", shape(40, 1536, 1024, 51200), 1_213_479_936],
    ["Megatron 2.5B", shape(54, 1920, 1024, 51200), 2_490_408_960],
    ["Megatron 4.2B", shape(64, 2304, 1024, 51200), 4_199_109_120],
    ["Megatron 8.3B", shape(72, 3072, 1024, 51200), 8_317_040_640],
    ["GPT-2", shape(12, 768, 1024, 50257), 124_439_808],
    ["GPT-2 medium", shape(24, 1024, 1024, 50257), 354_823_168],
  ])("%s", (_, model, count) => {
    expect(gptParameters(model)).toBe(count);
  });

  it.each([
    [24, 2304, 1.7],
    [40, 6144, 18.4],
    [80, 12288, 145.6],
    [105, 20480, 529.6],
    [128, 25600, 1008.0],
  ])("%d layers of %d hold %d billion (Narayanan et al. 2021, table 1)", (numLayers, hiddenSize, billions) => {
    const count = gptParameters(shape(numLayers, hiddenSize, 2048, 51200));
    expect(Math.round(count / 1e8) / 10).toBe(billions);
  });

  it("takes another feed-forward size", () => {
    // Two matrices of 8 x 20 with biases 20 and 8, and attention, norms and embeddings counted by hand.
    const tiny = { ...shape(1, 8, 4, 10), feedForwardSize: 20 };
    expect(gptParameters(tiny)).toBe(4 * 64 + 4 * 8 + (2 * 160 + 20 + 8) + 32 + 16 + 14 * 8);
  });
});

describe("bertParameters", () => {
  it.each([
    ["Megatron BERT 336M", bertParameters(shape(24, 1024, 512, 30592), heads), 336_297_858],
    ["Megatron BERT 1.3B", bertParameters(shape(24, 2048, 512, 30592), heads), 1_280_739_202],
    ["Megatron BERT 3.9B", bertParameters(shape(48, 2560, 512, 30592), heads), 3_869_260_674],
    ["BERT base", bertParameters(shape(12, 768, 512, 30522)), 109_482_240],
    ["BERT base with heads", bertParameters(shape(12, 768, 512, 30522), heads), 110_106_428],
    ["BERT large", bertParameters(shape(24, 1024, 512, 30522)), 335_141_888],
    ["BERT large with heads", bertParameters(shape(24, 1024, 512, 30522), heads), 336_226_108],
    ["RoBERTa base", bertParameters(shape(12, 768, 514, 50265), { tokenTypes: 1 }), 124_645_632],
    ["RoBERTa large", bertParameters(shape(24, 1024, 514, 50265), { tokenTypes: 1 }), 355_359_744],
    [
      "RoBERTa base with LM head",
      bertParameters(shape(12, 768, 514, 50265), { tokenTypes: 1, pooler: false, languageModelHead: true }),
      124_697_433,
    ],
  ])("%s", (_, counted, count) => {
    expect(counted).toBe(count);
  });
});
