/**
 * `pnpm test:sanitizer [address | thread]`: runs the kernels' tests, with every instruction set of the processor, under
 * AddressSanitizer (invalid memory accesses, leaks) or ThreadSanitizer (data races). Linux only.
 */
import { spawnSync } from "node:child_process";
import { crate, has, missingCargo } from "./toolchain.mjs";

const TARGETS = { x64: "x86_64-unknown-linux-gnu", arm64: "aarch64-unknown-linux-gnu" };

/** Extra arguments: ThreadSanitizer needs an instrumented standard library. */
const SANITIZERS = { address: [], thread: ["-Zbuild-std"] };

const [sanitizer = "address", ...names] = process.argv.slice(2);

function missing() {
  if (!SANITIZERS[sanitizer]) return `unknown sanitizer ${sanitizer}: expected ${Object.keys(SANITIZERS).join(" or ")}`;
  if (process.platform !== "linux") return "needs Linux";
  const cargo = missingCargo();
  if (cargo) return `${cargo} (https://rustup.rs)`;
  if (has("cargo", "+nightly", "--version")) return null;
  return "a nightly compiler is not installed (rustup toolchain install nightly --component rust-src)";
}

const reason = missing();
if (reason) {
  console.error(`sanitizer: not tested: ${reason}`);
  process.exit(1);
}
const test = ["+nightly", "test", "--locked", "--package", "megatron-kernels", "--lib"];
const place = ["--target", TARGETS[process.arch], "--target-dir", `target/${sanitizer}-sanitizer`];
const { status } = spawnSync("cargo", [...test, ...place, ...SANITIZERS[sanitizer], "--", ...names], {
  cwd: crate,
  stdio: "inherit",
  env: { ...process.env, RUSTFLAGS: `-Zsanitizer=${sanitizer}` },
});
process.exitCode = status ?? 1;
