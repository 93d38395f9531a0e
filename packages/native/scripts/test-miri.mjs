/**
 * `pnpm test:miri`: the kernels' tests under Miri, which finds memory used wrongly, read before it was written or
 * leaked, and races between threads. It knows no intrinsics of AVX-512 or AMX and is a thousand times slower, so it
 * runs what is listed here, on the portable code.
 */
import { spawnSync } from "node:child_process";
import { crate, has, missingCargo } from "./toolchain.mjs";

/** Beginnings of the names of tests. */
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
  console.error(`miri: not tested, ${reason}`);
  process.exit(1);
}
const names = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
const args = ["+nightly", "miri", "test", "--locked", "--package", "megatron-kernels", "--lib", "--", ...names];
const { status } = spawnSync("cargo", args, { cwd: crate, stdio: "inherit" });
process.exitCode = status ?? 1;
