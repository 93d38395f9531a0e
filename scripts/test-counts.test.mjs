import assert from "node:assert/strict";
import { test } from "node:test";
import { addCounts, countCargo, countCheck, countTap, countVitest, formatTotal } from "./test-counts.mjs";

const file = (status, tests) => ({ status, assertionResults: Array(tests).fill({}) });
const report = (passed, failed, testResults) => ({ numPassedTests: passed, numFailedTests: failed, testResults });

test("vitest: passed and failed tests", () => {
  assert.deepEqual(countVitest(report(5, 2, [file("failed", 7)]), 1), { passed: 5, failed: 2 });
});

test("vitest: a file that does not load is a failure", () => {
  const found = countVitest(report(5, 0, [file("passed", 5), file("failed", 0)]), 1);
  assert.deepEqual(found, { passed: 5, failed: 1 });
});

test("vitest: a bad end without a failed test is a failure, and so is no report or no test", () => {
  assert.deepEqual(countVitest(report(5, 0, [file("passed", 5)]), 1), { passed: 5, failed: 1 });
  assert.deepEqual(countVitest(undefined, 0), { passed: 0, failed: 1 });
  assert.deepEqual(countVitest(report(0, 0, []), 0), { passed: 0, failed: 1 });
});

test("node:test: the summary of its TAP", () => {
  const tap = "1..3\n# tests 3\n# suites 0\n# pass 2\n# fail 1\n# cancelled 0\n";
  assert.deepEqual(countTap(tap, 1), { passed: 2, failed: 1 });
  assert.deepEqual(countTap("", 1), { passed: 0, failed: 1 });
});

const cargo = (...results) =>
  results
    .map(
      ([passed, failed]) =>
        `running ${passed + failed} tests\ntest result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in 6.33s\n`,
    )
    .join("\n     Running unittests src/lib.rs\n\n");

test("cargo: the results of all its programs", () => {
  assert.deepEqual(countCargo(cargo([53, 0], [0, 0], [4, 0]), 0), { passed: 57, failed: 0 });
  assert.deepEqual(countCargo(cargo([50, 3]), 101), { passed: 50, failed: 3 });
});

test("cargo: a crate that does not compile, a program that crashed and no test at all are failures", () => {
  assert.deepEqual(countCargo("error[E0308]: mismatched types", 101), { passed: 0, failed: 1 });
  assert.deepEqual(countCargo(cargo([53, 0]), 101), { passed: 53, failed: 1 });
  assert.deepEqual(countCargo(cargo([0, 0]), 0), { passed: 0, failed: 1 });
});

test("several checks count as one", () => {
  assert.deepEqual(addCounts([countCheck(true), { passed: 53, failed: 1 }]), { passed: 54, failed: 1 });
  assert.deepEqual(addCounts([]), { passed: 0, failed: 0 });
});

test("the total is one line over all runners", () => {
  assert.equal(formatTotal([countCheck(true), countCheck(false), { passed: 10, failed: 2 }]), "11 passed, 3 failed");
});
