import { describe, expect, it } from "vitest";
import { formatEvaluation, formatReport } from "./console-line.ts";
import { addStep, emptyInterval, reportInterval } from "./interval-report.ts";
import { formatCount, formatDuration, formatQuantity } from "./quantities.ts";

const measured = {
  learningRate: 1e-4,
  gradientNorm: 1.5,
  seconds: 0.5,
  samples: 8,
  tokens: 800,
  flops: 4e9,
  loss: 3,
  step: 1,
};

describe("an interval", () => {
  it("reports means over samples, and the learning rate and norm of the last step", () => {
    let interval = addStep(emptyInterval, { ...measured, step: 11, loss: 4 });
    interval = addStep(interval, {
      step: 12,
      loss: 2.5,
      learningRate: 2e-4,
      gradientNorm: 0.75,
      seconds: 1.5,
      samples: 16,
      tokens: 1600,
      flops: 8e9,
    });
    expect(reportInterval(interval, { consumedSamples: 112, totalSamples: 1000 })).toEqual({
      step: 12,
      loss: 3,
      learningRate: 2e-4,
      gradientNorm: 0.75,
      millisecondsPerStep: 1000,
      tokensPerSecond: 1200,
      flopsPerSecond: 6e9,
      consumedSamples: 112,
      // 888 samples at 12 a second.
      secondsLeft: 74,
    });
  });

  it("is immutable and survives a JSON round trip", () => {
    const first = addStep(emptyInterval, measured);
    const saved = JSON.parse(JSON.stringify(first));
    expect(addStep(saved, measured)).toEqual(addStep(first, measured));
    expect(first.steps).toBe(1);
    expect(emptyInterval).toEqual({ steps: 0, lossSum: 0, seconds: 0, samples: 0, tokens: 0, flops: 0, last: null });
  });

  it("throws without steps", () => {
    const run = { consumedSamples: 0, totalSamples: 10 };
    expect(() => reportInterval(emptyInterval, run)).toThrow("without steps");
  });
});

describe("lines", () => {
  const report = {
    step: 1200,
    loss: 3.45123,
    learningRate: 1.5e-4,
    gradientNorm: 0.8734,
    millisecondsPerStep: 812.4,
    tokensPerSecond: 5042.3,
    flopsPerSecond: 31.24e9,
    consumedSamples: 153_600,
    secondsLeft: 4330,
  };
  const totals = { steps: 300_000, samples: 38_400_000 };

  it("contain every figure once", () => {
    expect(formatReport(report, totals)).toBe(
      "step   1200/300000 | loss  3.4512 | lr  1.50e-4 | norm  0.873 |    812 ms |   5,042 tokens/s | " +
        "31.2 GFLOP/s |    153,600 samples | 1h 12m left",
    );
    const evaluation = { step: 1200, loss: 3.21, perplexity: 24.779 };
    expect(formatEvaluation({ ...evaluation, metric: "masked-token perplexity" }, totals)).toBe(
      "step   1200/300000 | validation loss 3.2100 | masked-token perplexity 24.8",
    );
    expect(formatEvaluation({ ...evaluation, metric: null }, totals)).toBe(
      "step   1200/300000 | validation loss 3.2100",
    );
  });

  it("drop the least important columns where the terminal is narrow", () => {
    for (const width of [120, 80, 60, 40]) {
      const line = formatReport(report, totals, { width });
      expect(line.length).toBeLessThanOrEqual(width);
      expect(line).toMatch(/^step +1200.*loss +3.4512/);
    }
    expect(formatReport(report, totals, { width: 80 })).toBe(
      "step   1200/300000 | loss  3.4512 |   5,042 tokens/s | 1h 12m left",
    );
  });

  it("keep their columns as numbers grow", () => {
    const late = {
      step: 299_999,
      loss: 10.5,
      learningRate: 0,
      gradientNorm: 1234,
      millisecondsPerStep: 9.876,
      tokensPerSecond: 123_456,
      flopsPerSecond: 1.5e12,
      consumedSamples: 38_400_000,
      secondsLeft: 3,
    };
    const bars = (line: string) => [...line.matchAll(/\|/g)].map(({ index }) => index);
    expect(bars(formatReport(late, totals))).toEqual(bars(formatReport(report, totals)));
    expect(formatReport(late, totals)).toContain("| lr        0 |");
  });

  it("show a NaN loss", () => {
    expect(formatReport({ ...report, loss: Number.NaN }, totals)).toContain("| loss     NaN |");
  });
});

describe("quantities", () => {
  it.each([
    [0, "0"],
    [7, "7"],
    [2.6789, "2.68"],
    [0.012345, "0.0123"],
    [999, "999"],
    [999.9, "1.00k"],
    [12_345, "12.3k"],
    [999_999, "1.00M"],
    [31.24e9, "31.2G"],
    [1e15, "1.00P"],
    [-1500, "-1.50k"],
    [Number.POSITIVE_INFINITY, "Infinity"],
  ])("%d is %s", (value, text) => expect(formatQuantity(value)).toBe(text));

  it("separate the unit, with its prefix", () => {
    expect(formatQuantity(31.24e9, "FLOP/s")).toBe("31.2 GFLOP/s");
    expect(formatQuantity(7, "B")).toBe("7 B");
  });

  it.each([
    [0, "0s"],
    [0.4, "0s"],
    [45.2, "45s"],
    [59.6, "1m 00s"],
    [185, "3m 05s"],
    [4330, "1h 12m"],
    [86_399, "23h 59m"],
    [183_600, "2d 03h"],
    [Number.NaN, "NaN"],
  ])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it("keep every digit of counts", () => expect(formatCount(38_400_000.4)).toBe("38,400,000"));
});
