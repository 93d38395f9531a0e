/** Tests of how the reports of test runners are counted. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addCounts, countCargo, countCheck, countPrinted, countTap, countVitest, formatTotal } from "./test-counts.mjs";

describe("countVitest", () => {
  const file = (status, tests) => ({ status, assertionResults: Array(tests).fill({}) });
  const report = (passed, failed, testResults) => ({ numPassedTests: passed, numFailedTests: failed, testResults });

  it("counts passed and failed tests", () => {
    assert.deepEqual(countVitest(report(5, 2, [file("failed", 7)]), 1), { passed: 5, failed: 2 });
  });

  it("counts a file that does not load as a failure", () => {
    const counts = countVitest(report(5, 0, [file("passed", 5), file("failed", 0)]), 1);
    assert.deepEqual(counts, { passed: 5, failed: 1 });
  });

  it("counts a failed run without a failed test, without a report or without tests as a failure", () => {
    assert.deepEqual(countVitest(report(5, 0, [file("passed", 5)]), 1), { passed: 5, failed: 1 });
    assert.deepEqual(countVitest(undefined, 0), { passed: 0, failed: 1 });
    assert.deepEqual(countVitest(report(0, 0, []), 0), { passed: 0, failed: 1 });
  });
});

describe("countTap", () => {
  it("reads the summary of node:test", () => {
    const tap = "1..3\n# tests 3\n# suites 0\n# pass 2\n# fail 1\n# cancelled 0\n";
    assert.deepEqual(countTap(tap, 1), { passed: 2, failed: 1 });
    assert.deepEqual(countTap("", 1), { passed: 0, failed: 1 });
  });
});

describe("countCargo", () => {
  const cargo = (...results) =>
    results
      .map(
        ([passed, failed]) =>
          `running ${passed + failed} tests\ntest result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in 6.33s\n`,
      )
      .join("\n     Running unittests src/lib.rs\n\n");

  it("adds up the results of all programs", () => {
    assert.deepEqual(countCargo(cargo([53, 0], [0, 0], [4, 0]), 0), { passed: 57, failed: 0 });
    assert.deepEqual(countCargo(cargo([50, 3]), 101), { passed: 50, failed: 3 });
  });

  it("counts a crate that does not compile, a crash and a run without tests as failures", () => {
    assert.deepEqual(countCargo("error[E0308]: mismatched types", 101), { passed: 0, failed: 1 });
    assert.deepEqual(countCargo(cargo([53, 0]), 101), { passed: 53, failed: 1 });
    assert.deepEqual(countCargo(cargo([0, 0]), 0), { passed: 0, failed: 1 });
  });
});

describe("countPrinted", () => {
  it("reads the last line, and counts a run that broke as a failure", () => {
    assert.deepEqual(countPrinted("1 passed, 1 failed\n\n25 passed, 2 failed\n", 1), { passed: 25, failed: 2 });
    assert.deepEqual(countPrinted("25 passed, 0 failed\nError: cannot", 1), { passed: 0, failed: 1 });
    assert.deepEqual(countPrinted("", 0), { passed: 0, failed: 1 });
  });
});

describe("totals", () => {
  it("add up several checks", () => {
    assert.deepEqual(addCounts([countCheck(true), { passed: 53, failed: 1 }]), { passed: 54, failed: 1 });
    assert.deepEqual(addCounts([]), { passed: 0, failed: 0 });
  });

  it("are formatted in one line", () => {
    assert.equal(formatTotal([countCheck(true), countCheck(false), { passed: 10, failed: 2 }]), "11 passed, 3 failed");
  });
});
