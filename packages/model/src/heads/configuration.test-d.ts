/** Type tests of the task heads' configuration. */
import { describe, expectTypeOf, it } from "vitest";
import type { TaskHeadConfig } from "./configuration.ts";

describe("TaskHeadConfig", () => {
  it("is discriminated by its kind", () => {
    expectTypeOf<TaskHeadConfig["kind"]>().toEqualTypeOf<
      | "sequence-classification"
      | "multiple-choice"
      | "token-classification"
      | "question-answering"
      | "replaced-token-detection"
    >();
  });

  it("has labels exactly where a head classifies", () => {
    expectTypeOf<{ kind: "sequence-classification"; labels: ["no", "yes"] }>().toExtend<TaskHeadConfig>();
    expectTypeOf<{ kind: "token-classification" }>().not.toExtend<TaskHeadConfig>();
    expectTypeOf<{ kind: "question-answering" }>().toExtend<TaskHeadConfig>();
    expectTypeOf<Extract<TaskHeadConfig, { kind: "question-answering" }>>().not.toHaveProperty("labels");
  });
});
