import { describe, expect, it } from "vitest";
import { fusedActivationBytesPerLayer, stateBytesPerParameter, storedActivationBytesPerLayer } from "./memory.ts";

describe("stateBytesPerParameter", () => {
  it("is 16 in f32 and 18 with bf16 weights", () => {
    expect(stateBytesPerParameter({ precision: "f32" })).toEqual({
      weights: 4,
      gradients: 4,
      optimizer: 8,
      total: 16,
    });
    expect(stateBytesPerParameter({ precision: "bf16" })).toEqual({
      weights: 2,
      gradients: 4,
      optimizer: 12,
      total: 18,
    });
  });

  it("spreads the optimizer's part by ZeRO-1", () => {
    expect(stateBytesPerParameter({ precision: "f32", optimizerRanks: 4 }).total).toBe(8 + 8 / 4);
    expect(stateBytesPerParameter({ precision: "bf16", optimizerRanks: 64 }).total).toBe(6 + 12 / 64);
  });
});

describe("storedActivationBytesPerLayer", () => {
  const gpt3 = { sequenceLength: 2048, microBatchSize: 1, hiddenSize: 12288, numHeads: 96 };
  const mtnlg = { sequenceLength: 2048, microBatchSize: 1, hiddenSize: 20480, numHeads: 128 };
  const sbh = 2048 * 12288;

  it("gives the published shares of the scores: 5as/h = 80 for GPT-3, 64 for MT-NLG", () => {
    expect(storedActivationBytesPerLayer(gpt3)).toBe(sbh * (34 + 80));
    expect(storedActivationBytesPerLayer(mtnlg)).toBe(2048 * 20480 * (34 + 64));
  });

  it("splits by tensor and sequence parallelism", () => {
    expect(storedActivationBytesPerLayer(gpt3, { tensorRanks: 8 })).toBe(sbh * (10 + 3 + 10));
    expect(storedActivationBytesPerLayer(gpt3, { tensorRanks: 8, sequenceParallel: true })).toBe((sbh / 8) * (34 + 80));
  });

  it("recomputes the scores or the layer", () => {
    expect(
      storedActivationBytesPerLayer(gpt3, { tensorRanks: 8, sequenceParallel: true, recompute: "selective" }),
    ).toBe((sbh / 8) * 34);
    expect(storedActivationBytesPerLayer(gpt3, { recompute: "full" })).toBe(2 * sbh);
    // Korthikanti et al., section 5: selective recompute saves 70 % of GPT-3's activations, 65 % of MT-NLG's.
    const saved = (model: typeof gpt3) =>
      1 - storedActivationBytesPerLayer(model, { recompute: "selective" }) / storedActivationBytesPerLayer(model);
    expect(saved(gpt3)).toBeCloseTo(0.7, 2);
    expect(saved(mtnlg)).toBeCloseTo(0.65, 2);
  });
});

describe("fusedActivationBytesPerLayer", () => {
  it("is linear in the sequence", () => {
    const shape = { sequenceLength: 512, microBatchSize: 2, hiddenSize: 768, numHeads: 12 };
    expect(fusedActivationBytesPerLayer(shape, { precision: "bf16" })).toBe(1024 * (32 * 768 + 48));
    expect(fusedActivationBytesPerLayer(shape, { precision: "f32" })).toBe(1024 * (64 * 768 + 48));
  });
});
