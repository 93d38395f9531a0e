/** What the test runners report, as numbers: how many tests passed and failed. A run that broke is never all green. */

/**
 * @param report what vitest's JSON reporter wrote; undefined when it wrote nothing
 * @param code vitest's exit code
 */
export function countVitest(report, code) {
  if (!report) return { passed: 0, failed: 1 };
  // A file that did not load has no tests of its own, but it failed.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return atLeastOneFailure({ passed: report.numPassedTests, failed: report.numFailedTests + broken.length }, code);
}

/**
 * @param tap what node:test's TAP reporter wrote
 * @param code its exit code
 */
export function countTap(tap, code) {
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  return atLeastOneFailure({ passed: count("pass"), failed: count("fail") + count("cancelled") }, code);
}

/** A check without tests of its own, such as the build. */
export const countCheck = (ok) => (ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });

/** For example "812 passed, 0 failed". */
export function formatTotal(counts) {
  const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
  return `${sum("passed")} passed, ${sum("failed")} failed`;
}

/** No test at all, or a runner that ended badly without naming a test, is a failure too. */
function atLeastOneFailure({ passed, failed }, code) {
  const bad = code !== 0 || passed + failed === 0;
  return { passed, failed: bad ? Math.max(1, failed) : failed };
}
