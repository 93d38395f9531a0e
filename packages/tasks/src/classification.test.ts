import type { Row } from "@megatron-ts/data";
import { describe, expect, it } from "vitest";
import { classification, sentiment } from "./classification.ts";

const rows = (...labels: (string | number | boolean)[]): Row[] =>
  labels.map((label, index) => ({ values: { text: "x", label }, source: "data.jsonl", line: index + 1 }));

const columns = {};

describe("classification", () => {
  it("finds the labels in the data: numbers by value, words by letters", () => {
    const labelsOf = (...labels: (string | number | boolean)[]) => classification.headFor(rows(...labels), { columns });
    expect(labelsOf(10, 9, 1, 9)).toMatchObject({ labels: ["1", "9", "10"] });
    expect(labelsOf("b", "a", "B")).toMatchObject({ labels: ["B", "a", "b"] });
    expect(labelsOf(true, false)).toMatchObject({ labels: ["false", "true"] });
    expect(() => labelsOf("a", "a")).toThrow(/two labels or more/);
  });

  it("weighs labels by how rare they are", () => {
    const weights = classification.balance!(rows("a", "a", "a", "b"), { columns });
    expect(weights).toEqual({ a: 4 / 6, b: 2 });
  });

  it("says where a value is missing or is no text", () => {
    const [row] = rows("a");
    expect(() => classification.headFor([{ ...row!, values: { text: "x" } }], { columns })).toThrow(
      /data\.jsonl:1: has no column "label".*text/,
    );
    const nested = { ...row!, values: { text: "x", label: ["a"] } };
    expect(() => classification.headFor([nested], { columns })).toThrow(/expected a text.*\["a"\]/);
  });
});

describe("sentiment", () => {
  it("has three labels, whichever of them occur", () => {
    expect(sentiment.headFor(rows("positive"), { columns })).toMatchObject({
      labels: ["negative", "neutral", "positive"],
    });
    expect(() => sentiment.headFor(rows("good"), { columns })).toThrow(/"good" is not one of/);
  });
});
