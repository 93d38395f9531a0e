import { modelConfigSchema } from "@megatron-ts/model";
import { describe, expect, it } from "vitest";
import { stepFlops } from "./step-flops.ts";

/** Multiply-adds of one forward, counted by hand; a training step is three forwards of two operations each. */
const operations = (multiplyAdds: number) => 3 * 2 * multiplyAdds;

describe("stepFlops, against hand counts", () => {
  it("counts a Llama's gate and its shared key/value heads", () => {
    const config = modelConfigSchema.parse({
      ...{ family: "gpt", numLayers: 2, hiddenSize: 32, numHeads: 4, numKeyValueHeads: 2, feedForwardSize: 80 },
      ...{ vocabularySize: 100, maxPositions: 64, gatedFeedForward: true, positions: "rotary", norm: "rms" },
    });
    // Per token: query and output 32 x 32 each, key and value 32 x 16 each, three matrices of 32 x 80, the head.
    const perToken = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 80) + 32 * 100;
    // Scores and their product with the values: 16 x 16 pairs of 32 numbers, twice, in two layers.
    const scores = 2 * 2 * 16 * 16 * 32;
    const workload = [{ prediction: "causal", samples: 3, lengths: { sequenceLength: 16 } }] as const;
    expect(stepFlops(config, workload)).toBe(operations(3 * (16 * perToken + scores)));
  });

  it("counts both stacks of a T5 and its cross-attention", () => {
    const config = modelConfigSchema.parse({
      ...{ family: "t5", numLayers: 2, numDecoderLayers: 3, hiddenSize: 16, numHeads: 2, headSize: 4 },
      ...{ feedForwardSize: 40, gatedFeedForward: true, vocabularySize: 50 },
    });
    const [source, target] = [10, 6];
    // Attention is 2 heads of 4: four projections of 16 x 8.
    const encoderToken = 4 * 16 * 8 + 3 * 16 * 40;
    const encoder = 2 * (source * encoderToken + 2 * source * source * 8);
    const ownAttention = target * 4 * 16 * 8 + 2 * target * target * 8;
    const crossAttention = 2 * target * 16 * 8 + 2 * source * 16 * 8 + 2 * target * source * 8;
    const decoder = 3 * (ownAttention + crossAttention + target * 3 * 16 * 40);
    const lengths = { sourceLength: source, sequenceLength: target };
    const workload = [{ prediction: "sequence-to-sequence", samples: 5, lengths }] as const;
    expect(stepFlops(config, workload)).toBe(operations(5 * (encoder + decoder + target * 16 * 50)));
  });

  it("counts only the masked positions in BERT's head", () => {
    const sizes = { numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 30, maxPositions: 20 };
    const config = modelConfigSchema.parse({ family: "bert", ...sizes });
    const layer = 20 * (4 * 8 * 8 + 2 * 8 * 32) + 2 * 20 * 20 * 8;
    const workload = [
      { prediction: "masked", samples: 1, lengths: { sequenceLength: 20, predictedTokens: 3 } },
    ] as const;
    expect(stepFlops(config, workload)).toBe(operations(layer + 3 * (8 * 8 + 8 * 30)));
  });

  it("counts XLNet's query stream and its distances", () => {
    const config = modelConfigSchema.parse({
      ...{ family: "xlnet", numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 30 },
    });
    // 12 tokens and 4 rows of the query stream; keys and values of the tokens alone; three products a pair.
    const layer = 2 * 16 * 8 * 8 + 2 * 12 * 8 * 8 + 16 * 2 * 8 * 32 + 3 * 16 * 12 * 8;
    const lengths = { sequenceLength: 12, predictedTokens: 4, queryStreamLength: 4 };
    const workload = [{ prediction: "permutation", samples: 2, lengths }] as const;
    expect(stepFlops(config, workload)).toBe(operations(2 * (layer + 4 * 8 * 30)));
  });

  it("counts the pairs that a layout lets through, in the layers that have it", () => {
    const sizes = { family: "gpt", numLayers: 4, hiddenSize: 8, numHeads: 2, vocabularySize: 30, maxPositions: 64 };
    const workload = [{ prediction: "causal", samples: 1, lengths: { sequenceLength: 8 } }] as const;
    const products = 4 * 8 * (4 * 8 * 8 + 2 * 8 * 32) + 8 * 8 * 30;
    const flops = (attention: object) => stepFlops(modelConfigSchema.parse({ ...sizes, attention }), workload);
    const window = { layout: "local", window: 3 };
    const layers = ["local", "local", "dense"];
    // Three layers of eight queries of three keys, and one of all 64 pairs.
    expect(flops({ ...window, layers })).toBe(operations(products + 2 * 8 * (3 * 8 * 3 + 64)));
    // Every second key up to three back: 1, 1, 2, 2, 3, 3, 3, 3.
    expect(flops({ layout: "dilated", window: 3, dilation: 2 })).toBe(operations(products + 2 * 8 * 4 * 18));
    // A window of two, 1 + 7 x 2, and a first token that all see: six more.
    const globalTokens = { layout: "local", window: 2, globalTokens: [0] };
    expect(flops(globalTokens)).toBe(operations(products + 2 * 8 * 4 * 21));
  });

  it("counts the keys within a window, and of an encoder-decoder the part that an objective runs", () => {
    const config = modelConfigSchema.parse({
      ...{ family: "encoder-decoder", numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 30, maxPositions: 64 },
      attentionWindow: 4,
    });
    const token = 4 * 8 * 8 + 2 * 8 * 32;
    // The encoder sees 2 tokens to either side and itself, the decoder the last 4 with itself.
    const encoder = (tokens: number) => tokens * token + 2 * tokens * 5 * 8;
    const cross = 2 * 12 * 8 * 8 + 2 * 20 * 8 * 8 + 2 * 12 * 20 * 8;
    const decoder = 12 * token + 2 * 12 * 4 * 8 + cross;
    const both = [
      { prediction: "masked", samples: 1, lengths: { sequenceLength: 16, predictedTokens: 2 } },
      { prediction: "sequence-to-sequence", samples: 1, lengths: { sourceLength: 20, sequenceLength: 12 } },
    ] as const;
    const expected = encoder(16) + 2 * 8 * 30 + encoder(20) + decoder + 12 * 8 * 30;
    expect(stepFlops(config, both)).toBe(operations(expected));
  });
});
