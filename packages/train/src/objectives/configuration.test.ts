import { describe, expect, it } from "vitest";
import { objectiveConfigSchema } from "./configuration.ts";

describe("objectiveConfigSchema", () => {
  it("reads the former names of fields, as checkpoints saved them", () => {
    const masked = { name: "masked", shortRate: 0.2, staticAfter: 7 };
    expect(objectiveConfigSchema.parse(masked)).toMatchObject({ shortSequenceProbability: 0.2, maskRepeatInterval: 7 });
    const parts = [masked, { name: "permutation", contextPerToken: 4 }].map((objective) => ({ weight: 1, objective }));
    expect(objectiveConfigSchema.parse({ name: "mixed", parts })).toMatchObject({
      parts: [{ objective: { maskRepeatInterval: 7 } }, { objective: { maskAlpha: 4 } }],
    });
  });

  it("refuses a field under both of its names", () => {
    const both = { name: "permutation", contextPerToken: 4, maskAlpha: 5 };
    expect(() => objectiveConfigSchema.parse(both)).toThrow(/contextPerToken/);
  });
});
