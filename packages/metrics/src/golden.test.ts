/**
 * Every metric against sacreBLEU, rouge-score, NLTK, scikit-learn, scipy and SQuAD's scripts, on the random and odd cases of
 * fixtures/metrics. Where PEER_PYTHON is set, also on new ones:
 *
 *     PEER_PYTHON=python SQUAD_SCRIPTS=directory METRIC_CASES=20000 METRIC_SEED=2 pnpm vitest run --project metrics golden
 */
import { describe, expect, it } from "vitest";
import { compute, type Golden, type GoldenCase, golden, makeGolden } from "./testing/golden.ts";

/** sacreBLEU scores its resamples in float32. */
const FLOAT32 = new Set(["bootstrap.baseline.mean", "bootstrap.system.mean"]);
FLOAT32.add("bootstrap.baseline.interval").add("bootstrap.system.interval");

/** Whether two numbers are equal but for the last bits, in which exp, log and sums differ between C and JavaScript. */
function isClose(path: string, expected: number, found: unknown): boolean {
  if (typeof found !== "number") return false;
  if (Number.isInteger(expected) && expected === found) return true;
  const tolerance = FLOAT32.has(path) ? 1e-6 : 1e-14;
  return Math.abs(expected - found) <= tolerance * Math.max(1, Math.abs(expected));
}

/** The fields of `expected` that `found` does not have or has otherwise. JSON has null for NaN. */
function differences(path: string, expected: unknown, found: unknown): string[] {
  if (expected === null) return Number.isNaN(found) ? [] : [`${path}: NaN, found ${found}`];
  if (typeof expected === "object") {
    const fields = found as Record<string, unknown> | undefined;
    return Object.entries(expected!).flatMap(([key, value]) => differences(`${path}.${key}`, value, fields?.[key]));
  }
  const isEqual = typeof expected === "number" ? isClose(path, expected, found) : expected === found;
  return isEqual ? [] : [`${path}: ${expected}, found ${found}`];
}

function wrongCases(golden: Golden, cases: GoldenCase[]): string[] {
  return cases.flatMap((one) => {
    const wrong = differences(one.metric, one.expected, compute(golden, one));
    return wrong.length === 0 ? [] : [`${JSON.stringify({ ...one, expected: undefined })} ${wrong.join("; ")}`];
  });
}

function test(all: Golden): void {
  const byMetric = new Map<string, GoldenCase[]>();
  for (const one of all.cases) byMetric.set(one.metric, [...(byMetric.get(one.metric) ?? []), one]);
  for (const [metric, cases] of byMetric) {
    it(`${metric}: ${cases.length} cases`, () => expect(wrongCases(all, cases).slice(0, 5)).toEqual([]));
  }
}

describe("metrics equal Python's", () => {
  const all = golden();
  test(all);

  it("has cases of every metric", () => {
    expect(new Set(all.cases.map(({ metric }) => metric)).size).toBe(11);
  });
});

const python = process.env.PEER_PYTHON;
describe.skipIf(python === undefined)("metrics equal Python's on new cases", () => {
  if (python === undefined) return;
  const cases = Number(process.env.METRIC_CASES ?? 300);
  test(makeGolden({ python, cases, seed: Number(process.env.METRIC_SEED ?? 2) }));
});
