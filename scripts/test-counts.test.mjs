import assert from "node:assert/strict";
import { test } from "node:test";
import { countCheck, countTap, countVitest, formatTotal } from "./test-counts.mjs";

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

test("the total is one line over all runners", () => {
  assert.equal(formatTotal([countCheck(true), countCheck(false), { passed: 10, failed: 2 }]), "11 passed, 3 failed");
});
