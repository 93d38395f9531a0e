import { describe, expect, it } from "vitest";
import { feedForwardFlops, flopsPerSample, flopsPerToken, projectionFlops, scoreFlops, visiblePairs } from "./flops.ts";
import { transformerParameters } from "./parameters.ts";
import { describeTransformer, type ModelShape } from "./shapes.ts";

const trillion = { numLayers: 128, hiddenSize: 25600, sequenceLength: 2048, vocabularySize: 51200 };
const gpt2 = { numLayers: 12, hiddenSize: 768, sequenceLength: 1024, vocabularySize: 50257 };
const perToken = (shape: typeof gpt2, options = {}) => flopsPerToken(describeTransformer(shape), shape, options);

describe("flopsPerToken of a GPT", () => {
  it("equals the published closed forms", () => {
    for (const model of [gpt2, trillion]) {
      const { numLayers: L, hiddenSize: h, sequenceLength: s, vocabularySize: V } = model;
      const plain = 72 * L * h * h * (1 + s / (6 * h) + V / (12 * L * h));
      const recomputed = 96 * L * h * h * (1 + s / (6 * h) + V / (16 * L * h));
      expect(perToken(model).model / plain).toBeCloseTo(1, 14);
      expect(perToken(model, { recompute: "full" }).hardware / recomputed).toBeCloseTo(1, 14);
    }
  });

  it("counts GPT-2 by hand", () => {
    // Per layer: 4 matrices of 768^2, 2 of 768 x 3072, scores and values over 1,024 keys; then the logits.
    const layer = 2 * (4 * 768 ** 2 + 2 * 768 * 3072 + 2 * 1024 * 768);
    const forward = 12 * layer + 2 * 768 * 50257;
    expect(perToken(gpt2)).toEqual({
      forward,
      backward: 2 * forward,
      recompute: 0,
      model: 3 * forward,
      hardware: 3 * forward,
    });
    const narrow = describeTransformer({ ...gpt2, feedForwardSize: 1000 });
    expect(flopsPerToken(narrow, gpt2).forward).toBe(forward - 12 * 4 * 768 * (3072 - 1000));
  });

  it("is about 6N + 12Lsh, and with full recompute about 8N for the largest", () => {
    const estimate = 6 * transformerParameters(gpt2) + 12 * 12 * 1024 * 768;
    expect(Math.abs(perToken(gpt2).model / estimate - 1)).toBeLessThan(0.01);
    expect(perToken(trillion, { recompute: "full" }).hardware / (8 * transformerParameters(trillion))).toBeCloseTo(
      1.01,
      2,
    );
  });

  it("counts half of the scores, diagonal included, when only visible pairs count", () => {
    const saved = perToken(gpt2).forward - perToken(gpt2, { attention: "visible" }).forward;
    expect(saved).toBe((12 * 4 * 768 * 1023) / 2);
  });

  it("recomputes scores alone, or whole layers but not the logits", () => {
    const { forward } = perToken(gpt2);
    expect(perToken(gpt2, { recompute: "selective" }).recompute).toBe(12 * 4 * 1024 * 768);
    expect(perToken(gpt2, { recompute: "full" }).recompute).toBe(forward - 2 * 768 * 50257);
    expect(perToken(gpt2, { recompute: "full" }).model).toBe(3 * forward);
  });
});

describe("other models, by hand", () => {
  it("counts TinyLlama: gated, 32 heads sharing 4 of keys and values", () => {
    const tinyLlama: ModelShape = {
      hiddenSize: 2048,
      vocabularySize: 32_000,
      layers: [
        {
          numLayers: 22,
          attention: { numHeads: 32, headSize: 64, numKeyValueHeads: 4, causal: true },
          feedForward: { feedForwardSize: 5632, gated: true },
        },
      ],
    };
    // Queries and outputs 2 x 2048^2, keys and values 2 x 2048 x 256, feed-forward 3 x 2048 x 5632, scores over 2,048.
    const layer = 2 * (2 * 4_194_304 + 2 * 524_288 + 3 * 11_534_336 + 2 * 2048 * 2048);
    const forward = 22 * layer + 2 * 2048 * 32_000;
    expect(forward).toBe(2_437_939_200);
    expect(flopsPerToken(tinyLlama, { sequenceLength: 2048 }).forward).toBe(forward);
    // What GPT's formula gives for it.
    const asGpt = { numLayers: 22, hiddenSize: 2048, sequenceLength: 2048, vocabularySize: 32_000 };
    const wrong = flopsPerToken(describeTransformer({ ...asGpt, feedForwardSize: 5632 }), asGpt).forward;
    expect(wrong / forward).toBeCloseTo(0.924, 3);
  });

  /** One layer a stack: h = 8, 2 heads of 3, f = 10, V = 20. */
  const attention = { numHeads: 2, headSize: 3 };
  const feedForward = { feedForwardSize: 10 };
  const twoStacks: ModelShape = {
    hiddenSize: 8,
    vocabularySize: 20,
    layers: [
      { numLayers: 2, reads: "source", attention, feedForward },
      { numLayers: 1, attention: { ...attention, causal: true }, crossAttention: attention, feedForward },
    ],
  };

  it("counts both stacks and the attention between them", () => {
    const lengths = { sequenceLength: 4, sourceLength: 7 };
    // Projections of 8 x 6, feed-forward matrices of 8 x 10; 12 per pair: 2 products of 2 heads of 3.
    const encoder = 2 * (7 * 2 * (4 * 48 + 2 * 80) + 4 * 6 * 7 * 7);
    const decoder = 4 * 2 * (4 * 48 + 2 * 80) + 4 * 6 * 4 * 4;
    const cross = 2 * (2 * 4 * 48 + 2 * 7 * 48) + 4 * 6 * 4 * 7;
    const forward = encoder + decoder + cross + 4 * 2 * 8 * 20;
    expect(forward).toBe(19_472);
    expect(flopsPerSample(twoStacks, lengths).forward).toBe(forward);
    expect(flopsPerToken(twoStacks, lengths).model).toBe((3 * forward) / 11);
  });

  it("wants the source's length where something reads it", () => {
    expect(() => flopsPerSample(twoStacks, { sequenceLength: 4 })).toThrow("sourceLength");
  });

  it("counts windows, several kinds of layers and heads over some positions only", () => {
    const local = { ...attention, window: { before: 2, after: 0 } };
    const mixed: ModelShape = {
      ...twoStacks,
      headLayers: 1,
      layers: [
        { numLayers: 3, attention: local, feedForward },
        { numLayers: 1, attention, feedForward },
      ],
    };
    const products = 5 * 4 * 2 * (4 * 48 + 2 * 80);
    const head = 2 * 2 * (64 + 160);
    const lengths = { sequenceLength: 5, predictedTokens: 2 };
    expect(flopsPerSample(mixed, lengths).forward).toBe(products + 24 * (3 * 5 * 3 + 5 * 5) + head);
    // 1, 2, 3, 3, 3 keys are inside the window.
    const visible = flopsPerSample(mixed, lengths, { attention: "visible" });
    expect(visible.forward).toBe(products + 24 * (3 * 12 + 5 * 5) + head);
  });

  it("counts XLNet's second stream, its memory and its relative positions", () => {
    const xlnet: ModelShape = {
      hiddenSize: 8,
      vocabularySize: 20,
      layers: [{ numLayers: 1, attention: { ...attention, relativePositions: true }, feedForward }],
    };
    const lengths = { sequenceLength: 6, queryStreamLength: 2, memoryLength: 3, predictedTokens: 2 };
    const rows = 8 * 2 * (2 * 48 + 2 * 80);
    expect(flopsPerSample(xlnet, lengths).forward).toBe(rows + 9 * 2 * 2 * 48 + 36 * 8 * 9 + 2 * 2 * 160);
    expect(flopsPerSample(xlnet, lengths, { attention: "visible" })).toEqual(flopsPerSample(xlnet, lengths));
  });
});

describe("parts", () => {
  it("counts pairs as enumeration does", () => {
    for (const length of [1, 2, 5, 9]) {
      for (const [before, after] of [
        [0, 0],
        [2, 0],
        [1, 3],
        [20, 20],
      ] as const) {
        for (const causal of [false, true]) {
          let expected = 0;
          for (let query = 0; query < length; query++) {
            for (let key = 0; key < length; key++) {
              if (key >= query - before && key <= query + (causal ? 0 : after)) expected++;
            }
          }
          expect(visiblePairs(length, { causal, window: { before, after } })).toBe(expected);
        }
      }
      expect(visiblePairs(length, {})).toBe(length * length);
      expect(visiblePairs(length, { causal: true })).toBe((length * (length + 1)) / 2);
    }
  });

  it("counts grouped queries, gates and relative positions", () => {
    const grouped = { numHeads: 6, headSize: 5, numKeyValueHeads: 2 };
    expect(projectionFlops(8, grouped, { queries: 3, keys: 4 })).toBe(2 * (2 * 3 * 8 * 30 + 2 * 4 * 8 * 10));
    expect(scoreFlops(grouped, 12)).toBe(4 * 30 * 12);
    expect(scoreFlops({ ...grouped, relativePositions: true }, 12)).toBe(6 * 30 * 12);
    expect(feedForwardFlops(8, { feedForwardSize: 5 })).toBe(160);
    expect(feedForwardFlops(8, { feedForwardSize: 5, gated: true })).toBe(240);
  });
});
