import { describe, expect, it } from "vitest";
import { flopsPerToken } from "./flops.ts";
import { gptParameters } from "./parameters.ts";

const trillion = { numLayers: 128, hiddenSize: 25600, sequenceLength: 2048, vocabularySize: 51200 };
const gpt2 = { numLayers: 12, hiddenSize: 768, sequenceLength: 1024, vocabularySize: 50257 };

describe("flopsPerToken", () => {
  it("equals the published closed forms", () => {
    for (const model of [gpt2, trillion]) {
      const { numLayers: L, hiddenSize: h, sequenceLength: s, vocabularySize: V } = model;
      const plain = 72 * L * h * h * (1 + s / (6 * h) + V / (12 * L * h));
      const recomputed = 96 * L * h * h * (1 + s / (6 * h) + V / (16 * L * h));
      expect(flopsPerToken(model).model / plain).toBeCloseTo(1, 14);
      expect(flopsPerToken(model, { recompute: "full" }).hardware / recomputed).toBeCloseTo(1, 14);
    }
  });

  it("counts GPT-2 by hand", () => {
    // Per layer: 4 matrices of 768^2, 2 of 768 x 3072, scores and values over 1,024 keys; then the logits.
    const layer = 2 * (4 * 768 ** 2 + 2 * 768 * 3072 + 2 * 1024 * 768);
    const forward = 12 * layer + 2 * 768 * 50257;
    expect(flopsPerToken(gpt2)).toEqual({
      forward,
      backward: 2 * forward,
      recompute: 0,
      model: 3 * forward,
      hardware: 3 * forward,
    });
    expect(flopsPerToken({ ...gpt2, feedForwardSize: 1000 }).forward).toBe(forward - 12 * 4 * 768 * (3072 - 1000));
  });

  it("is about 6N + 12Lsh, and with full recompute about 8N for the largest", () => {
    const counted = flopsPerToken(gpt2).model;
    expect(Math.abs(counted / (6 * gptParameters(gpt2) + 12 * 12 * 1024 * 768) - 1)).toBeLessThan(0.01);
    expect(flopsPerToken(trillion, { recompute: "full" }).hardware / (8 * gptParameters(trillion))).toBeCloseTo(
      1.01,
      2,
    );
  });

  it("counts half the scores, diagonal included, when causal", () => {
    const saved = flopsPerToken(gpt2).forward - flopsPerToken(gpt2, { attention: "causal" }).forward;
    expect(saved).toBe((12 * 4 * 768 * 1023) / 2);
  });

  it("recomputes scores alone, or whole layers but not the logits", () => {
    const { forward } = flopsPerToken(gpt2);
    expect(flopsPerToken(gpt2, { recompute: "selective" }).recompute).toBe(12 * 4 * 1024 * 768);
    expect(flopsPerToken(gpt2, { recompute: "full" }).recompute).toBe(forward - 2 * 768 * 50257);
    expect(flopsPerToken(gpt2, { recompute: "full" }).model).toBe(3 * forward);
  });
});
