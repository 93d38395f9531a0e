import { gptConfigSchema } from "@megatron-ts/model";
import { describe, expect, it } from "vitest";
import { checkPrompts, checkToken } from "./check-prompts.ts";

const sizes = { numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 50, maxPositions: 4 };
const config = gptConfigSchema.parse({ family: "gpt", ...sizes });

describe("checkPrompts", () => {
  it("accepts every id of the vocabulary", () => {
    expect(() => checkPrompts([[0, 49], Int32Array.of(3)], config)).not.toThrow();
  });

  // 2^32 + 5 would become 5 in an array of 32-bit integers.
  it.each([4e9, 2 ** 32 + 5, 50, -1, 1.5, Number.NaN])("refuses the id %d, by its place", (id) => {
    expect(() => checkPrompts([[1], [2, id]], config)).toThrow(
      expect.objectContaining({
        name: "GenerateError",
        message: expect.stringContaining(`token 1 of the prompt is ${id}`),
      }),
    );
    expect(() => checkToken(id, "the start token", config)).toThrow(`the start token is ${id}`);
  });

  it("refuses prompts that are empty or too long", () => {
    expect(() => checkPrompts([[]], config)).toThrow(/empty/);
    expect(() => checkPrompts([[1, 2, 3, 4, 5]], config)).toThrow(/at most 4/);
  });
});
