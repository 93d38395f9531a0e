import { modelConfigSchema, presets } from "@megatron-ts/model";
import { describe, expect, it } from "vitest";
import { objectiveConfigSchema } from "./configuration.ts";
import { resolveObjective } from "./open-objective.ts";
import { checkTrainedParts } from "./trained-parts.ts";

const check = (preset: string, { objective, ...fields }: { objective?: object; [field: string]: unknown } = {}) => {
  const model = modelConfigSchema.parse({ ...presets[preset]!.config, ...fields });
  const given = objective && objectiveConfigSchema.parse(objective);
  return checkTrainedParts(model, resolveObjective(given, model)).map(({ path }) => path);
};
const masked = (pairs: string | null) => ({ name: "masked", pairs });
const mixed = (...objectives: object[]) => ({
  name: "mixed",
  parts: objectives.map((objective) => ({ weight: 1, objective })),
});

describe("checkTrainedParts", () => {
  it.each(["gpt2", "roberta-base", "xlnet-base", "t5-base", "sc2019-345m"])(
    "%s is fully trained by default",
    (preset) => {
      expect(check(preset)).toEqual([]);
    },
  );

  it("requires pairs for a pair head, and the head for pairs", () => {
    expect(check("bert-base")).toEqual(["train.objective.pairs"]);
    expect(check("bert-base", { objective: masked("next-sentence") })).toEqual([]);
    expect(check("megatron-bert-336m", { objective: masked("sentence-order") })).toEqual([]);
    expect(check("roberta-base", { objective: masked("next-sentence") })).toEqual(["model.heads"]);
    const objective = mixed(masked("next-sentence"), { name: "permutation" });
    expect(check("sc2019-345m", { objective })).toEqual(["model.pairHead"]);
    expect(check("sc2019-345m", { objective, pairHead: true })).toEqual([]);
    expect(check("sc2019-345m", { pairHead: true })).toEqual(["train.objective.pairs"]);
  });

  it("requires an objective for the decoder, and no task head", () => {
    expect(check("sc2019-345m", { objective: masked(null) })).toEqual(["train.objective.name"]);
    const task = { kind: "sequence-classification", labels: ["a", "b"] };
    expect(check("xlnet-base", { task })).toEqual(["model.task"]);
  });
});
