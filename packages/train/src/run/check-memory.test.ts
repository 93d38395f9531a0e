import { modelConfigSchema } from "@megatron-ts/model";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.ts";
import { checkMemory } from "./check-memory.ts";

const gpt = (fields: object) =>
  modelConfigSchema.parse({
    family: "gpt",
    numLayers: 1,
    hiddenSize: 16,
    numHeads: 2,
    maxPositions: 64,
    vocabularySize: 100,
    ...fields,
  });

describe("checkMemory", () => {
  it("compares eight bytes a parameter with the memory", () => {
    // Embeddings 100 + 64 rows of 16; a layer of 12 h^2 + 13 h; the final norm, 2 h.
    const parameters = 164 * 16 + 12 * 256 + 13 * 16 + 32;
    expect(() => checkMemory(gpt({}), { available: 8 * parameters })).not.toThrow();
    expect(() => checkMemory(gpt({}), { available: 8 * parameters - 1 })).toThrow(ConfigError);
  });

  it.each([
    { maxPositions: 4e9 },
    { hiddenSize: 4e9 },
    { vocabularySize: 4e12 },
    { feedForwardSize: 4e12 },
    { numLayers: 1000, hiddenSize: 65536 },
  ])("refuses what no machine holds: %j", (fields) => {
    const problems = [expect.objectContaining({ path: "model" })];
    expect(() => checkMemory(gpt(fields))).toThrow(expect.objectContaining({ problems }));
  });
});
