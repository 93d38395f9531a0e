/** Runs test files with Node's own test runner and counts their tests. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { countTap } from "./test-counts.mjs";
import { runNode } from "./workspace.mjs";

/** @param files paths relative to the repository's root */
export async function runNodeTests(files) {
  const directory = mkdtempSync(join(tmpdir(), "megatron-tap-"));
  try {
    const tap = join(directory, "tests.tap");
    const { code } = await runNode([
      "--test",
      `--test-concurrency=${availableParallelism()}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=tap",
      `--test-reporter-destination=${tap}`,
      ...files,
    ]);
    return countTap(existsSync(tap) ? readFileSync(tap, "utf8") : "", code);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
