import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadCompareRecipe } from "./configuration.ts";
import { quickForm } from "./quick.ts";

const recipe = fileURLToPath(new URL("../../../../recipes/compare.yaml", import.meta.url));

describe("the quick form of a comparison", () => {
  it("gives all tasks the same fields of training, and each its own", () => {
    const { tasks } = quickForm(
      loadCompareRecipe(recipe, [
        ["quick.tasks", "{ translation: { batchSize: 4 }, sentiment: {} }"],
        ["quick.training", "{ epochs: 7, batchSize: 9 }"],
      ]),
    );
    expect(Object.keys(tasks)).toEqual(["translation", "sentiment"]);
    expect(tasks.translation!.training).toMatchObject({ epochs: 7, batchSize: 4 });
    expect(tasks.sentiment!.training).toMatchObject({ epochs: 7, batchSize: 9 });
  });

  it("takes names alone", () => {
    const { tasks } = quickForm(loadCompareRecipe(recipe, [["quick.tasks", "[sentiment]"]]));
    expect(Object.keys(tasks)).toEqual(["sentiment"]);
  });
});
