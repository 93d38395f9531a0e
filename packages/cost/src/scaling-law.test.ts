import { describe, expect, it } from "vitest";
import { bestFor, effectiveTokens, predictedLoss, smallModelLaw } from "./index.ts";

describe("effectiveTokens", () => {
  it("counts each token once, repeated ones less and less", () => {
    expect(effectiveTokens(50, 100)).toBe(50);
    // Muennighoff et al. 2023: four epochs are worth nearly four times the text, forty not sixteen times.
    expect(effectiveTokens(400, 100) / 100).toBeGreaterThan(3.7);
    expect(effectiveTokens(4000, 100) / 100).toBeLessThan(16.4);
  });
});

describe("predictedLoss", () => {
  it("is that of the runs that the law was fitted to", () => {
    const measured = [
      [98_304, 2_048_000, 4.543],
      [393_216, 15_802_368, 4.083],
      [786_432, 9_744_384, 4.023],
      [1_769_472, 5_120_000, 4.017],
      [7_372_800, 614_400, 4.669],
    ] as const;
    for (const [parameters, tokens, loss] of measured) {
      const predicted = predictedLoss(smallModelLaw, { parameters, tokens, uniqueTokens: 2_802_873 });
      expect(Math.abs(predicted - loss)).toBeLessThan(0.037);
    }
  });
});

describe("bestFor", () => {
  it("prefers larger models the longer a run is", () => {
    const candidates = [1e5, 1e6, 1e7].map((parameters) => ({
      parameters,
      secondsPerToken: parameters * 1e-11 + 1e-5,
    }));
    const size = (seconds: number) =>
      bestFor(candidates, { law: smallModelLaw, seconds, uniqueTokens: 1e12 }).parameters;
    expect([size(1), size(100), size(1e5)]).toEqual([1e5, 1e6, 1e7]);
  });
});
