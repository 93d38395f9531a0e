/** What `npm test` checks of the Rust crate: its format, clippy without a warning, and its tests. */
import { crate, has, missingCargo } from "../packages/native/scripts/toolchain.mjs";
import { addCounts, countCargo, countCheck } from "./test-counts.mjs";
import { run } from "./workspace.mjs";

/** Components of a toolchain that may be absent, and the check that each makes. */
const COMPONENTS = {
  fmt: ["--check"],
  clippy: ["--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
};

/** Gives the counts; all 0 where there is no toolchain, which one line says. */
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
