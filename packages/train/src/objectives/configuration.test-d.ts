/** Type tests of the objectives' configuration. */
import { describe, expectTypeOf, it } from "vitest";
import type { ObjectiveConfig, SingleObjectiveConfig } from "./configuration.ts";
import type { ObjectiveName } from "./registry.ts";

describe("ObjectiveConfig", () => {
  it("is discriminated by its name", () => {
    expectTypeOf<SingleObjectiveConfig["name"]>().toEqualTypeOf<ObjectiveName>();
    expectTypeOf<ObjectiveConfig["name"]>().toEqualTypeOf<ObjectiveName | "mixed">();
  });

  it("gives each objective its own fields", () => {
    expectTypeOf<Extract<ObjectiveConfig, { name: "masked" }>>().toHaveProperty("maxNgram");
    expectTypeOf<Extract<ObjectiveConfig, { name: "causal" }>>().not.toHaveProperty("maxNgram");
  });

  it("mixes weighted objectives, but no mixtures", () => {
    type Part = Extract<ObjectiveConfig, { name: "mixed" }>["parts"][number];
    expectTypeOf<Part>().toEqualTypeOf<{ weight: number; objective: SingleObjectiveConfig }>();
    expectTypeOf<Part["objective"]["name"]>().not.toExtend<"mixed">();
  });
});
