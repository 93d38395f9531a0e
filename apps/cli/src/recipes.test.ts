/** Every shipped recipe parses and describes the model that it claims to. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readRows } from "@megatron-ts/data";
import { countModelParameters, formatForModel, modelConfigSchema, presets } from "@megatron-ts/model";
import { completeModel, loadPretrainRecipe, resolveObjective } from "@megatron-ts/train";
import { describe, expect, it } from "vitest";
import { loadCompareRecipe } from "./compare/configuration.ts";
import { quickForm } from "./compare/quick.ts";

const recipes = fileURLToPath(new URL("../../../recipes", import.meta.url));
const load = (name: string) => loadPretrainRecipe(join(recipes, name));

describe("recipes", () => {
  const pretraining = readdirSync(recipes).filter((name) => name.endsWith(".yaml") && name !== "compare.yaml");
  it.each(pretraining)("%s parses", (name) => {
    const { train } = load(name);
    expect(train.steps).toBeGreaterThan(0);
  });

  it("megatron-gpt-345m matches the published run", () => {
    const { model, train, data } = load("megatron-gpt-345m.yaml");
    expect(countModelParameters(completeModel(model, { vocabularySize: 50_304 }))).toBe(354_871_296);
    expect(train).toMatchObject({ batchSize: 512, steps: 300_000, clipNorm: 1 });
    expect(train.optimizer).toMatchObject({ learningRate: 1.5e-4, weightDecay: 0.01 });
    expect(train.schedule).toMatchObject({ name: "cosine", warmupSteps: 3000, minimum: 1e-5 });
    expect(data.sequenceLength).toBe(1024);
  });

  it("gpt2-124m has the size of GPT-2", () => {
    expect(countModelParameters(completeModel(load("gpt2-124m.yaml").model, { vocabularySize: 50_257 }))).toBe(
      124_439_808,
    );
  });

  it.each([
    [
      "bert-large",
      30_522,
      { objective: { pairs: "next-sentence" }, optimizer: { biasCorrection: false, epsilon: 1e-6 } },
    ],
    ["megatron-bert-336m", 30_592, { objective: { unit: "n-gram", pairs: "sentence-order" }, batchSize: 1024 }],
    ["roberta-large", 50_265, { objective: { pairs: null }, optimizer: { beta2: 0.98 }, clipNorm: null }],
    ["xlnet-large", 32_000, { objective: { predicted: 85 / 512, maskAlpha: 6, bothDirections: true } }],
    ["t5-base", 32_128, { objective: { rate: 0.15, meanLength: 3 } }],
    ["sc2019-345m", 30_592, { objective: { name: "mixed" } }],
  ])("%s has the published size and settings", (name, vocabularySize, settings) => {
    const { model, train } = load(`${name}.yaml`);
    // The preset of sc2019 is counted without the heads that its recipe adds.
    const { pairHead, numTokenTypes, ...bare } = model as typeof model & { pairHead?: boolean; numTokenTypes?: number };
    const counted = name.startsWith("sc2019") ? (bare as typeof model) : model;
    expect(countModelParameters(completeModel(counted, { vocabularySize }))).toBe(presets[name]!.parameters);
    expect(train).toMatchObject(settings);
    expect(resolveObjective(train.objective, model)).toEqual(train.objective);
  });

  it("llama-125m can be exported in Llama format", () => {
    const model = completeModel(load("llama-125m.yaml").model, { vocabularySize: 32_000 });
    expect(formatForModel(model)?.modelType).toBe("llama");
    expect(countModelParameters(model)).toBe(124_668_672);
  });

  it("compare has a quick form of four models and three tasks, whose rows are there", () => {
    const { models, tasks } = quickForm(loadCompareRecipe(join(recipes, "compare.yaml")));
    expect([models, tasks].map((all) => Object.keys(all).length)).toEqual([4, 3]);
    for (const { train, test } of Object.values(tasks)) {
      for (const file of [train, test])
        expect(readRows(join(recipes, "..", file as string)).length).toBeGreaterThan(100);
    }
    for (const { model } of Object.values(models)) {
      const parameters = countModelParameters(modelConfigSchema.parse({ vocabularySize: 2048, ...model }));
      expect(parameters).toBeGreaterThan(1_000_000);
      expect(parameters).toBeLessThan(2_000_000);
    }
  });

  it("quickstart ends within five minutes", () => {
    expect(load("quickstart.yaml").train.timeLimitMinutes).toBeLessThanOrEqual(5);
  });
});
