/** Runs the conformance suites of `ops` on every backend that can run here, and names those that cannot. */
import { withPrecision } from "@megatron-ts/ops";
import { type ConformanceOptions, conformanceSuites, knownFaults } from "@megatron-ts/ops/conformance";
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "./backend.ts";
import { type BackendName, backends } from "./backends.ts";
import { start } from "./start.ts";

interface Row extends ConformanceOptions {
  backend: BackendName;
}

const rows: Row[] = [
  { backend: "native", precision: "f32" },
  { backend: "native", precision: "bf16" },
  { backend: "tensorflow", precision: "f32" },
  { backend: "wasm", precision: "f32" },
  { backend: "cpu", precision: "f32" },
];

// Set by `npm run test:tensorflow`: only this backend, and it must run.
const only = process.env.MEGATRON_CONFORMANCE;

for (const { backend, precision } of rows.filter((row) => !only || row.backend === only)) {
  const missing = await (backends[backend] as Backend).unavailableReason();
  const faults = knownFaults[backend] ?? {};
  const title = `${backend}, ${precision}`;
  if (missing && !only) {
    console.warn(`conformance: ${title} is skipped: ${missing}`);
    describe.skip(`${title}: ${missing}`, () => it("is skipped", () => undefined));
    continue;
  }
  describe(title, () => {
    beforeAll(async () => {
      await start({ backend });
    });
    it("lists only cases among its known faults", () => {
      const cases = conformanceSuites.flatMap((suite) => suite.cases.map(({ name }) => `${suite.name} > ${name}`));
      expect(cases).toEqual(expect.arrayContaining(Object.keys(faults)));
    });
    for (const suite of conformanceSuites) {
      describe(suite.name, () => {
        for (const { name, check } of suite.cases) {
          const fault = faults[`${suite.name} > ${name}`];
          it(name, (context) => {
            if (fault) context.skip(`${backend} ${fault}`);
            withPrecision(precision, () => check({ precision }));
          });
        }
      });
    }
  });
}
