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

  it.each(["bert", "encoder-decoder"])(
    "can in models of the family %s, which predict no document's first token",
    (family) => {
      const name = family === "bert" ? "masked" : "span-corruption";
      expect(() => parse(["model.family", family])).toThrow(
        new RegExp(`^recipe.yaml:3: data.maskEndOfDocumentLoss: .*${name}[^\n]*$`),
      );
      const alone = parse(
        ["model.family", family],
        ["data.maskEndOfDocumentLoss", "false"],
        ["data.resetPositions", "true"],
      );
      expect(alone.data).toMatchObject({ resetAttention: true, resetPositions: true });
    },
  );

  it.each<[string, Override[]]>([
    ["permutation", [["model.family", "encoder-decoder"]]],
    ["source-target", [["model.family", "encoder-decoder"]]],
  ])("are refused with the objective %s", (name, overrides) => {
    expect(() => parse(...overrides, ["train.objective", `{ name: ${name} }`])).toThrow(
      /^recipe.yaml:3: data.resetAttention: .*\nrecipe.yaml:3: data.maskEndOfDocumentLoss: [^\n]*$/,
    );
  });
});

describe("tokens that ranks cannot share", () => {
  it.each<[string, Override[]]>([
    [
      "an encoder-decoder's",
      [
        ["model.family", "encoder-decoder"],
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

describe("prefixes", () => {
  const prefix: Override = ["train.objective", "{ name: prefix }"];

  it("are an objective of causal models, whose packed documents can be kept apart", () => {
    expect(parse(prefix).train.objective).toEqual({ name: "prefix" });
    expect(parse(prefix).data.resetAttention).toBe(true);
  });

  it.each<Override>([
    ["model.attention", "{ layout: local, window: 8 }"],
    ["model.attention", "{ layout: strided }"],
    ["model.attentionWindow", "8"],
  ])("are refused where %s would hide their later tokens", (...sparse) => {
    expect(() => parse(prefix, sparse)).toThrow(/model[^\n]*: expected dense attention/);
  });
});
