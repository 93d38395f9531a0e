/** Counts passed and failed tests in the reports of test runners. A run that broke always counts as a failure. */

/**
 * Counts vitest's tests.
 * @param report what vitest's JSON reporter wrote; undefined when it wrote nothing
 * @param code vitest's exit code
 */
export function countVitest(report, code) {
  if (!report) return { passed: 0, failed: 1 };
  // A file that fails to load reports no tests.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return atLeastOneFailure({ passed: report.numPassedTests, failed: report.numFailedTests + broken.length }, code);
}

/**
 * Counts node:test's tests.
 * @param tap what node:test's TAP reporter wrote
 * @param code its exit code
 */
export function countTap(tap, code) {
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  return atLeastOneFailure({ passed: count("pass"), failed: count("fail") + count("cancelled") }, code);
}

/**
 * Counts cargo's tests.
 * @param output what `cargo test` printed: a line of results for each of its programs
 * @param code its exit code
 */
export function countCargo(output, code) {
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)];
  const sum = (index) => results.reduce((total, result) => total + Number(result[index]), 0);
  return atLeastOneFailure({ passed: sum(1), failed: sum(2) }, code);
}

/**
 * Counts the checks of a program of ours.
 * @param output what it printed: its last line is "N passed, N failed"
 * @param code its exit code
 */
export function countPrinted(output, code) {
  const [, passed = 0, failed = 0] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
  return atLeastOneFailure({ passed: Number(passed), failed: Number(failed) }, code);
}

/** Counts a check that has no tests of its own, such as the build. */
export const countCheck = (ok) => (ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });

/** Adds up the counts of several checks. */
export const addCounts = (counts) => ({
  passed: counts.reduce((total, { passed }) => total + passed, 0),
  failed: counts.reduce((total, { failed }) => total + failed, 0),
});

/** Formats counts as in "812 passed, 0 failed". */
export function formatTotal(counts) {
  const { passed, failed } = addCounts(counts);
  return `${passed} passed, ${failed} failed`;
}

/** Counts a run without tests, or one that failed without naming a test, as a failure. */
function atLeastOneFailure({ passed, failed }, code) {
  const bad = code !== 0 || passed + failed === 0;
  return { passed, failed: bad ? Math.max(1, failed) : failed };
}
