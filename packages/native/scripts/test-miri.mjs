/**
 * `pnpm test:miri`: runs the kernels' tests under Miri, which finds invalid memory accesses, uninitialised reads, leaks
 * and data races. It does not support AVX-512 and AMX and is a thousand times slower, so it runs the tests listed here,
 * on the portable code.
 */
import { spawnSync } from "node:child_process";
import { crate, has, missingCargo } from "./toolchain.mjs";

/** Prefixes of test names. */
const TESTS = [
  "scratch::",
  "parallel::",
  "memory::",
  "slabs::",
  "pages::",
  "layout::",
  "index::",
  "broadcast::",
  "bf16::",
  "elementwise::",
  "embedding::",
  "optimizer::",
  "softmax::",
  "reduce::",
  "dropout::",
  "philox::",
  "gemm::",
  "attention::tests::wrong_calls",
];

function missing() {
  const cargo = missingCargo();
  if (cargo) return `${cargo} (https://rustup.rs)`;
  if (has("cargo", "+nightly", "miri", "--version")) return null;
  return "Miri is not installed (rustup toolchain install nightly --component miri --component rust-src)";
}

const reason = missing();
if (reason) {
  console.error(`miri: not tested: ${reason}`);
  process.exit(1);
}
const names = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
const args = ["+nightly", "miri", "test", "--locked", "--package", "megatron-kernels", "--lib", "--", ...names];
const { status } = spawnSync("cargo", args, { cwd: crate, stdio: "inherit" });
process.exitCode = status ?? 1;
