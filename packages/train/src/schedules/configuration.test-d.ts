/** Type tests of the schedules' configuration. */
import { describe, expectTypeOf, it } from "vitest";
import type * as z from "zod";
import type { ScheduleConfig, scheduleConfigSchema } from "./configuration.ts";

type Written = z.input<typeof scheduleConfigSchema>;

describe("ScheduleConfig", () => {
  it("is discriminated by its name", () => {
    expectTypeOf<ScheduleConfig["name"]>().toEqualTypeOf<
      "constant" | "linear" | "cosine" | "inverse-square-root" | "wsd" | "reduce-on-plateau"
    >();
    expectTypeOf<Extract<ScheduleConfig, { name: "wsd" }>>().toHaveProperty("decaySteps");
    expectTypeOf<Extract<ScheduleConfig, { name: "cosine" }>>().not.toHaveProperty("decaySteps");
  });

  it("needs only the fields without defaults", () => {
    expectTypeOf<{ name: "cosine" }>().toExtend<Written>();
    expectTypeOf<{ name: "wsd"; decaySteps: number }>().toExtend<Written>();
    expectTypeOf<{ name: "wsd" }>().not.toExtend<Written>();
    expectTypeOf<{ name: "exponential" }>().not.toExtend<Written>();
  });

  it("has every default filled in", () => {
    expectTypeOf<Extract<ScheduleConfig, { name: "reduce-on-plateau" }>["patience"]>().toEqualTypeOf<number>();
    expectTypeOf<ScheduleConfig["warmupSteps"]>().toEqualTypeOf<number>();
  });
});
