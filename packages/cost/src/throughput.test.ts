/** Published rows: Narayanan et al. 2021 (table 1, section 5.1), Shoeybi et al. 2019 (section 5.1). */
import { describe, expect, it } from "vitest";
import { devices } from "./devices.ts";
import { flopsPerToken } from "./flops.ts";
import { transformerParameters } from "./parameters.ts";
import { describeTransformer } from "./shapes.ts";
import { modelFlopsPerSecond, secondsLeft, trainingSeconds, utilization } from "./throughput.ts";

const peakOf = (name: string): number => devices.find((device) => device.name === name)!.peakFlopsPerSecond;

describe("utilization", () => {
  it.each([
    ["1.7B", 32, 137, 44, 4.4],
    ["18.4B", 256, 135, 43, 34.6],
    ["145.6B", 1536, 148, 47, 227.1],
    ["529.6B", 2520, 163, 52, 410.2],
    ["1008B", 3072, 163, 52, 502.0],
  ])("%s on %d A100 at %d TF/s uses %d percent of the peak", (_, gpus, teraflops, percent, petaflops) => {
    const peakPerDevice = peakOf("A100-80GB");
    const each = utilization({ flopsPerSecond: teraflops * 1e12, peakPerDevice });
    expect(Math.round(100 * each)).toBe(percent);
    const all = utilization({ flopsPerSecond: petaflops * 1e15, peakPerDevice, devices: gpus });
    expect(Math.round(100 * all)).toBe(percent);
  });

  it("8.3B on 512 V100: 15.1 PF/s is 76 % of 512 times one GPU's 39 TF/s", () => {
    const scaling = utilization({ flopsPerSecond: 15.1e15, peakPerDevice: 39e12, devices: 512 });
    expect(Math.round(100 * scaling)).toBe(76);
    expect(utilization({ flopsPerSecond: 39e12, peakPerDevice: peakOf("V100-32GB") })).toBeCloseTo(0.31, 2);
  });
});

describe("trainingSeconds", () => {
  const days = (
    model: { numLayers: number; hiddenSize: number },
    plan: { tokens: number; gpus: number; rate: number },
  ) => {
    const shape = { ...model, sequenceLength: 2048, vocabularySize: 51200 };
    // The papers' end-to-end estimate takes 8 FLOPs per parameter and token.
    const seconds = trainingSeconds({
      flopsPerToken: 8 * transformerParameters(shape),
      tokens: plan.tokens,
      devices: plan.gpus,
      flopsPerSecondPerDevice: plan.rate,
    });
    return seconds / 86_400;
  };

  it("trains GPT-3 in 34 days, a trillion parameters in 84", () => {
    const gpt3 = days({ numLayers: 96, hiddenSize: 12288 }, { tokens: 300e9, gpus: 1024, rate: 140e12 });
    const trillion = days({ numLayers: 128, hiddenSize: 25600 }, { tokens: 450e9, gpus: 3072, rate: 163e12 });
    expect(Math.round(gpt3)).toBe(34);
    expect(Math.round(trillion)).toBe(84);
  });
});

describe("measured steps", () => {
  it("turns a step into model FLOP/s, without what was recomputed", () => {
    const shape = { numLayers: 12, hiddenSize: 768, sequenceLength: 512, vocabularySize: 50257 };
    const { model } = flopsPerToken(describeTransformer(shape), shape, { recompute: "full" });
    // 3 * (12 * (24 * 768^2 + 4 * 512 * 768) + 2 * 768 * 50257) = 797,815,296 a token.
    expect(modelFlopsPerSecond({ flopsPerToken: model, tokens: 1024, seconds: 4 })).toBe((797_815_296 * 1024) / 4);
  });

  it("estimates the time left at the measured pace", () => {
    expect(secondsLeft({ remaining: 900, measured: 100, measuredSeconds: 50 })).toBe(450);
    expect(secondsLeft({ remaining: 0, measured: 0, measuredSeconds: 0 })).toBe(0);
    expect(secondsLeft({ remaining: 10, measured: 0, measuredSeconds: 0 })).toBeUndefined();
  });
});
