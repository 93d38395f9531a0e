import { conformanceSuites } from "@megatron-ts/ops/conformance";
import { beforeAll, describe, it } from "vitest";
import { start } from "./start.ts";

for (const backend of ["cpu", "wasm"]) {
  describe(backend, () => {
    beforeAll(async () => {
      await start({ backend });
    });
    for (const suite of conformanceSuites) {
      describe(suite.name, () => {
        for (const { name, check } of suite.cases) it(name, () => check({ precision: "f32" }));
      });
    }
  });
}
