import { describe, expect, it } from "vitest";
import { dataConfigSchema } from "./configuration.ts";

const least = { tokenizer: "tok", train: "data/corpus", sequenceLength: 8 };

describe("the data configuration", () => {
  it("does not separate documents by default", () => {
    expect(dataConfigSchema.parse(least)).toEqual({
      ...least,
      resetPositions: false,
      resetAttention: false,
      maskEndOfDocumentLoss: false,
    });
  });

  it.each([
    ["data/other", { prefix: "data/other", split: "validation" }],
    [{ prefix: "data/other" }, { prefix: "data/other", split: "validation" }],
    [
      { prefix: "data/other", split: "all" },
      { prefix: "data/other", split: "all" },
    ],
  ])("takes a prefix as validation, with or without a split: %j", (validation, expected) => {
    expect(dataConfigSchema.parse({ ...least, validation }).validation).toEqual(expected);
  });

  it.each([
    { sequenceLength: 0 },
    { train: [] },
    { train: [{ prefix: "a", weight: 0 }] },
    { train: [{ prefix: "a", wieght: 1 }] },
    { validation: { prefix: "a", split: "dev" } },
    { validation: "" },
    { shuffle: true },
  ])("refuses %j", (change) => {
    expect(dataConfigSchema.safeParse({ ...least, ...change }).success).toBe(false);
  });
});
