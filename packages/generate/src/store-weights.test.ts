/** Weights stored as bf16: a decoding step reads the rounded numbers and computes with them in f32. */
import { backends, start } from "@megatron-ts/engine";
import { createModel, type Model } from "@megatron-ts/model";
import { storageOf } from "@megatron-ts/ops";
import { beforeAll, describe, expect, it } from "vitest";
import { GenerateError } from "./errors.ts";
import { openDecodingSession } from "./sessions/open-decoding-session.ts";
import { storeWeights } from "./store-weights.ts";

const missing = await backends.native.unavailableReason();
const shape = { numLayers: 2, hiddenSize: 64, numHeads: 2, vocabularySize: 90, initializerRange: 0.2 };
const create = () =>
  createModel(
    { family: "gpt", ...shape, maxPositions: 16, positions: "rotary", norm: "rms" },
    { weights: { seed: 2 } },
  );

/** The logits of six steps that write the same tokens. */
function logitsOf(model: Model): Float32Array[][] {
  const session = openDecodingSession(model, [[1], [2, 7, 1, 8]], { maxTokens: 9 });
  const steps = [session.prefill(), ...[3, 5, 8, 13, 21].map((token) => session.decodeStep([token, token + 1]))];
  session.dispose();
  return steps;
}

describe.skipIf(missing !== null)("storeWeights on native", () => {
  beforeAll(async () => {
    await start({ backend: "native" });
  });

  it("computes in f32 with the numbers that bf16 rounded", () => {
    const [narrow, rounded, plain] = [create(), create(), create()];
    storeWeights(narrow, "bf16");
    storeWeights(rounded, "bf16");
    storeWeights(rounded, "f32");
    const kinds = [...narrow.parameters.values()].map(({ tensor, kind }) => [kind === "scalar", storageOf(tensor)]);
    expect(kinds).toContainEqual([true, "f32"]);
    expect(kinds).toContainEqual([false, "bf16"]);
    expect(kinds).not.toContainEqual([false, "f32"]);
    const found = logitsOf(narrow);
    expect(found).toEqual(logitsOf(rounded));

    const expected = logitsOf(plain).flat(1);
    const [largest, difference] = found
      .flat(1)
      .reduce<[number, number]>(
        (most, row, i) =>
          row.reduce(([a, b], x, j) => [Math.max(a, Math.abs(x)), Math.max(b, Math.abs(x - expected[i]![j]!))], most),
        [0, 0],
      );
    expect(difference).toBeGreaterThan(0);
    expect(difference / largest).toBeLessThan(0.02);
    for (const model of [narrow, rounded, plain]) model.dispose();
  });
});

describe("storeWeights on wasm", () => {
  it("is refused, because the backend stores f32 only", async () => {
    await start({ backend: "wasm" });
    const model = create();
    expect(() => storeWeights(model, "bf16")).toThrow(GenerateError);
    model.dispose();
  });
});
