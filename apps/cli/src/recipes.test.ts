/** Every recipe that ships parses, and names what it claims. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { countModelParameters } from "@megatron-ts/model";
import { completeModel, loadPretrainRecipe } from "@megatron-ts/train";
import { describe, expect, it } from "vitest";

const recipes = fileURLToPath(new URL("../../../recipes", import.meta.url));
const load = (name: string) => loadPretrainRecipe(join(recipes, name));

describe("recipes", () => {
  it.each(readdirSync(recipes))("%s parses", (name) => {
    const { train } = load(name);
    expect(train.steps).toBeGreaterThan(0);
  });

  it("megatron-gpt-345m is the published run", () => {
    const { model, train, data } = load("megatron-gpt-345m.yaml");
    expect(countModelParameters(completeModel(model, { vocabularySize: 50_304 }))).toBe(354_871_296);
    expect(train).toMatchObject({ batchSize: 512, steps: 300_000, clipNorm: 1 });
    expect(train.optimizer).toMatchObject({ learningRate: 1.5e-4, weightDecay: 0.01 });
    expect(train.schedule).toMatchObject({ name: "cosine", warmupSteps: 3000, minimum: 1e-5 });
    expect(data.sequenceLength).toBe(1024);
  });

  it("gpt2-124m has GPT-2's size", () => {
    expect(countModelParameters(completeModel(load("gpt2-124m.yaml").model, { vocabularySize: 50_257 }))).toBe(
      124_439_808,
    );
  });

  it("quickstart ends within five minutes", () => {
    expect(load("quickstart.yaml").train.timeLimitMinutes).toBeLessThanOrEqual(5);
  });
});
