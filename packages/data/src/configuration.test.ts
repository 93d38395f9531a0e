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
    { sequenceLength: 0 },
    { train: [] },
    { train: [{ prefix: "a", weight: 0 }] },
    { train: [{ prefix: "a", wieght: 1 }] },
    { validation: { prefix: "a", split: "dev" } },
    { shuffle: true },
  ])("refuses %j", (change) => {
    expect(dataConfigSchema.safeParse({ ...least, ...change }).success).toBe(false);
  });
});
