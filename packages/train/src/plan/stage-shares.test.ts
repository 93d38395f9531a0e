import { modelConfigSchema } from "@megatron-ts/model";
import { describe, expect, it } from "vitest";
import { stageShares } from "./stage-shares.ts";

const size = { numLayers: 4, hiddenSize: 16, numHeads: 2, vocabularySize: 100 };
const small = { ...size, maxPositions: 32 };

describe("stageShares", () => {
  it("counts what each rank holds, and the head's work where it is", () => {
    const shares = stageShares(modelConfigSchema.parse({ family: "gpt", ...small }), { tokens: 16, stages: [3, 1] });
    const [first, last] = shares({ tensor: 1, pipeline: 2, data: 1 });
    // Embeddings; layers of 12 h^2 + 13 h; the tied embedding again, and the last norm.
    const layer = 12 * 16 * 16 + 13 * 16;
    expect(first).toMatchObject({ layers: 3, parameters: (100 + 32) * 16 + 3 * layer });
    expect(last).toMatchObject({ layers: 1, parameters: 100 * 16 + layer + 2 * 16 });
    // Per token: 12 h^2 and 2 h for each of 16 keys; h V.
    const ofLayer = 12 * 16 * 16 + 2 * 16 * 16;
    expect(first!.flops / last!.flops).toBeCloseTo((3 * ofLayer) / (ofLayer + 16 * 100), 10);
    expect(first!.flops + last!.flops).toBeCloseTo(1, 10);
  });

  it("counts the layers of each kind where they are", () => {
    const config = modelConfigSchema.parse({
      ...{ family: "gpt", ...small },
      attention: { layout: "local", window: 4, layers: ["local", "dense"] },
    });
    const ofOne = stageShares(config, { tokens: 32, stages: [1, 1, 1, 1] })({ tensor: 1, pipeline: 4, data: 1 });
    expect(ofOne[0]!.flops).toBeLessThan(ofOne[1]!.flops);
    expect(ofOne[2]!.flops).toBeCloseTo(ofOne[0]!.flops, 10);
  });

  it("divides by the ranks of the tensor axis what they divide", () => {
    const shares = stageShares(modelConfigSchema.parse({ family: "t5", ...size }), { tokens: 16 });
    const whole = shares({ tensor: 1, pipeline: 2, data: 1 });
    const half = shares({ tensor: 2, pipeline: 2, data: 1 });
    expect(half.map(({ layers }) => layers)).toEqual(whole.map(({ layers }) => layers));
    for (const [rank, { parameters }] of half.entries()) {
      expect(parameters).toBeGreaterThan(whole[rank]!.parameters / 2);
      expect(parameters).toBeLessThan(0.6 * whole[rank]!.parameters);
    }
  });
});
