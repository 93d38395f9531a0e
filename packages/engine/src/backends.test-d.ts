/** Type tests of the backends' names. */
import { describe, expectTypeOf, it } from "vitest";
import type { BackendName } from "./backends.ts";
import type { StartedEngine } from "./start.ts";

describe("BackendName", () => {
  it("is one of the backends, also for the one that started", () => {
    expectTypeOf<BackendName>().toEqualTypeOf<"native" | "tensorflow" | "wasm" | "cpu">();
    expectTypeOf<StartedEngine["backend"]>().toEqualTypeOf<BackendName>();
  });
});
