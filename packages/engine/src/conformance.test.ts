/** Runs the conformance suites of `ops` on every backend that this machine has, and names those that it has not. */
import { withPrecision } from "@megatron-ts/ops";
import { type ConformanceOptions, conformanceSuites } from "@megatron-ts/ops/conformance";
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "./backend.ts";
import { type BackendName, backends } from "./backends.ts";
import { start } from "./start.ts";

interface Row extends ConformanceOptions {
  backend: BackendName;
  /** Faults that are the backend's own and that nothing of ours meets: "suite > case" and why. */
  faults: Record<string, string>;
}

const rows: Row[] = [
  { backend: "native", precision: "f32", faults: {} },
  { backend: "native", precision: "bf16", faults: {} },
  {
    backend: "tensorflow",
    precision: "f32",
    faults: {
      "tfjs: memory > clones and reshapes share memory, which goes with the last of them":
        "makes every reshape a TensorFlow tensor of its own, counted by itself",
    },
  },
  {
    backend: "wasm",
    precision: "f32",
    faults: {
      "tfjs: matMul > matMul of [3,0] and [0,5]": "leaves a product over no elements undefined",
      "tfjs: reductions > sum over nothing": "leaves a sum over no elements undefined",
      "tfjs: layout and indexing > cast of int32 to bool": "keeps the lowest byte instead of comparing with 0",
    },
  },
  {
    backend: "cpu",
    precision: "f32",
    faults: { "tfjs: memory > what is read is a copy": "dataSync gives out the backend's own memory" },
  },
];

// Set by `npm run test:tensorflow`: then this backend alone, and it must run.
const only = process.env.MEGATRON_CONFORMANCE;

for (const { backend, precision, faults } of rows.filter((row) => !only || row.backend === only)) {
  const missing = await (backends[backend] as Backend).unavailableReason();
  const title = `${backend}, ${precision}`;
  if (missing && !only) {
    console.warn(`conformance: ${title} is not checked here: ${missing}`);
    describe.skip(`${title}: ${missing}`, () => it("is not checked here", () => undefined));
    continue;
  }
  describe(title, () => {
    beforeAll(async () => {
      await start({ backend });
    });
    it("has no fault on its list that is no case", () => {
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
