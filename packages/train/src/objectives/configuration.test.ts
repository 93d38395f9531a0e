import { describe, expect, it } from "vitest";
import { objectiveConfigSchema } from "./configuration.ts";

describe("objectiveConfigSchema", () => {
  it("accepts former names of fields, from older checkpoints", () => {
    const masked = { name: "masked", shortRate: 0.2, staticAfter: 7 };
    expect(objectiveConfigSchema.parse(masked)).toMatchObject({ shortSequenceProbability: 0.2, maskRepeatInterval: 7 });
    const parts = [masked, { name: "permutation", contextPerToken: 4 }].map((objective) => ({ weight: 1, objective }));
    expect(objectiveConfigSchema.parse({ name: "mixed", parts })).toMatchObject({
      parts: [{ objective: { maskRepeatInterval: 7 } }, { objective: { maskAlpha: 4 } }],
    });
  });

  it("rejects a field given under both names", () => {
    const both = { name: "permutation", contextPerToken: 4, maskAlpha: 5 };
    expect(() => objectiveConfigSchema.parse(both)).toThrow(/contextPerToken/);
  });
});
