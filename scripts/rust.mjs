/** Checks the Rust crate for `npm test`: its format, clippy without warnings, and its tests. */
import { crate, has, missingCargo } from "../packages/native/scripts/toolchain.mjs";
import { addCounts, countCargo, countCheck } from "./test-counts.mjs";
import { run } from "./workspace.mjs";

/** Toolchain components that may be missing, with the arguments of their checks. */
const COMPONENTS = {
  fmt: ["--check"],
  clippy: ["--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
};

/** Returns the counts: all 0 without a Rust toolchain, which it reports in one line. */
export async function checkRust() {
  const missing = missingCargo();
  if (missing) {
    console.log(`skipped: ${missing} (https://rustup.rs)`);
    return addCounts([]);
  }
  const counts = [];
  for (const [component, args] of Object.entries(COMPONENTS)) {
    if (!has("cargo", component, "--version")) {
      console.log(`cargo ${component}: skipped, not installed`);
      continue;
    }
    console.log(`cargo ${component}`);
    const { code } = await run("cargo", [component, ...args], { cwd: crate });
    counts.push(countCheck(code === 0));
  }
  console.log("cargo test");
  const { code, stdout } = await run("cargo", ["test", "--locked", "--quiet"], { cwd: crate, capture: true });
  process.stdout.write(stdout);
  return addCounts([...counts, countCargo(stdout, code)]);
}
