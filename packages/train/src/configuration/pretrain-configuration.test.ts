import { describe, expect, it } from "vitest";
import { checkPretrainConfig, pretrainConfigSchema } from "./pretrain-configuration.ts";
import { parseRecipe } from "./recipe.ts";
import type { Override } from "./recipe-overrides.ts";

const recipe = `
model: { family: gpt, hiddenSize: 64, numHeads: 4, numLayers: 2, maxPositions: 128 }
data: { tokenizer: tok, sequenceLength: 128, train: data/corpus, resetAttention: true, maskEndOfDocumentLoss: true }
train: { optimizer: { name: adamw, learningRate: 1e-4 }, steps: 100, batchSize: 8, microBatchSize: 4 }
run: { directory: runs/a }
`;
const parse = (...overrides: Override[]) =>
  parseRecipe(recipe, { schema: pretrainConfigSchema, file: "recipe.yaml", overrides, check: checkPretrainConfig });

describe("packed documents", () => {
  it("can be kept apart in causal models", () => {
    expect(parse().data).toMatchObject({ resetAttention: true, resetPositions: false, maskEndOfDocumentLoss: true });
  });

  it.each(["bert", "encoder-decoder"])("are refused for a model of the family %s", (family) => {
    const name = family === "bert" ? "masked" : "span-corruption";
    expect(() => parse(["model.family", family])).toThrow(
      new RegExp(
        `^recipe.yaml:3: data.resetAttention: .*${name}.*\nrecipe.yaml:3: data.maskEndOfDocumentLoss: .*${name}`,
      ),
    );
  });
});

describe("tokens that ranks cannot share", () => {
  it.each<[string, Override[]]>([
    [
      "an encoder's",
      [
        ["model.family", "bert"],
        ["data", "{ tokenizer: tok, sequenceLength: 128, train: data/corpus }"],
      ],
    ],
    ["those that look at the one before", [["model.tokenShift", "true"]]],
    [
      "with frequencies that depend on the length",
      [
        ["model.positions", "rotary"],
        ["model.rotaryScaling", "{ type: dynamic, factor: 2, originalMaxPositions: 64 }"],
      ],
    ],
  ])("%s are refused", (_, overrides) => {
    expect(() => parse(["parallel.context", "2"], ...overrides)).toThrow(/^--parallel.context: expected 1 .*; got 2$/);
    expect(() => parse(...overrides)).not.toThrow();
  });
});
