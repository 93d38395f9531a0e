/** Holds every package to the rules of source-rules.mjs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importCycles } from "./import-cycles.mjs";
import { rules } from "./source-rules.mjs";
import { parsePackages } from "./source-tree.mjs";

for (const found of parsePackages()) {
  describe(found.name, () => {
    for (const [rule, violations] of Object.entries(rules)) {
      it(rule, () => {
        assert.deepEqual(violations(found), []);
      });
    }
  });
}

describe("importCycles", () => {
  const cyclesOf = (graph) => importCycles(Object.keys(graph), (file) => graph[file]).map((cycle) => cycle.sort());

  it("finds nothing where imports point one way", () => {
    assert.deepEqual(cyclesOf({ a: ["b", "c"], b: ["c"], c: ["elsewhere"] }), []);
  });

  it("finds files that import each other, at any distance, and a file that imports itself", () => {
    assert.deepEqual(cyclesOf({ a: ["b"], b: ["c"], c: ["a"], d: ["a"], e: ["e"] }), [["a", "b", "c"], ["e"]]);
  });
});
