import { describe, expect, it } from "vitest";
import { summarize } from "./timings.ts";

describe("summarize", () => {
  const requests = [
    { sent: 0, pieces: [0.1, 0.2, 0.4], ended: 0.4, promptTokens: 5, generatedTokens: 3 },
    { sent: 1, pieces: [1.3, 1.4], ended: 1.5, promptTokens: 6, generatedTokens: 2 },
  ];

  it("has vLLM's latencies, in milliseconds", () => {
    const report = summarize(requests, { failed: { 429: 1 }, duration: 2 });
    expect(report).toMatchObject({
      completed: 2,
      failed: { 429: 1 },
      promptTokens: 11,
      generatedTokens: 5,
      goodput: null,
    });
    expect([report.requestsPerSecond, report.generatedTokensPerSecond]).toEqual([1, 2.5]);
    expect(report.ttft.mean).toBeCloseTo(200);
    expect(report.ttft.p99).toBeCloseTo(298);
    expect(report.tpot.mean).toBeCloseTo((150 + 200) / 2);
    expect(report.itl.median).toBeCloseTo(100);
    expect(report.e2el.median).toBeCloseTo(450);
  });

  it("counts for goodput what meets every objective", () => {
    const goodput = (objectives: object) => summarize(requests, { failed: {}, duration: 2, objectives }).goodput;
    expect(goodput({ ttft: 150 })).toBe(0.5);
    expect(goodput({ ttft: 350, tpot: 160 })).toBe(0.5);
    expect(goodput({ e2el: 600 })).toBe(1);
    expect(goodput({ ttft: 150, e2el: 300 })).toBe(0);
  });
});
