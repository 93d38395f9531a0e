/** The guide from Megatron-LM's arguments names options that exist, with values that they take. */
import { readFileSync } from "node:fs";
import { checkPretrainConfig, parseRecipe, pretrainConfigSchema } from "@megatron-ts/train";
import { describe, expect, it } from "vitest";

const guide = readFileSync(new URL("../../../examples/cluster/from-megatron-lm.md", import.meta.url), "utf8");

const recipe = `
model: { family: gpt, hiddenSize: 1024, numHeads: 16, numLayers: 24, maxPositions: 1024 }
data: { tokenizer: tok, sequenceLength: 1024, train: data/corpus }
train: { optimizer: { name: adamw, learningRate: 1e-4 }, steps: 100000, batchSize: 64, microBatchSize: 4 }
run: { directory: runs/a }
`;

/** The options of each row, by the words of Megatron-LM. */
const rows = guide.split("\n").flatMap((line): [string, [string, string][]][] => {
  const [, theirs = "", ours = ""] = line.split("|");
  const options = [...ours.matchAll(/--([\w.]+) ("[^"]*"|[^\s`]+)/g)].map(([, path, value]): [string, string] => [
    path!,
    value!.replaceAll('"', ""),
  ]);
  return options.length > 0 ? [[theirs.trim(), options.filter(([path]) => path !== "resume")]] : [];
});

/** What some options are for, and do not go without. */
const NEEDED: Readonly<Record<string, [string, string][]>> = {
  "parallel.sequenceParallel": [["parallel.tensor", "2"]],
  "parallel.virtualStages": [["parallel.pipeline", "2"]],
  "parallel.stages": [["parallel.pipeline", "4"]],
};

describe("from-megatron-lm.md", () => {
  it("has the arguments", () => expect(rows.length).toBeGreaterThan(35));

  it.each(rows)("%s", (_, options) => {
    const needed = options.flatMap(([path]) => NEEDED[path] ?? []);
    const overrides = [...needed, ...options];
    expect(() =>
      parseRecipe(recipe, { schema: pretrainConfigSchema, overrides, check: checkPretrainConfig }),
    ).not.toThrow();
  });
});
