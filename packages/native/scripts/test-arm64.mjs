/**
 * `pnpm test:arm64`: cross-compiles the tests of the kernels for 64-bit ARM, including NEON, and runs them under qemu. On
 * an ARM machine `cargo test` does the same.
 */
import { spawnSync } from "node:child_process";
import { crate, has, missingCargo } from "./toolchain.mjs";

const target = "aarch64-unknown-linux-gnu";
const linker = "aarch64-linux-gnu-gcc";
const emulator = "qemu-aarch64";

function missing() {
  const cargo = missingCargo();
  if (cargo) return `${cargo} (https://rustup.rs)`;
  const { stdout } = spawnSync("rustc", ["--print", "target-libdir", "--target", target], {
    encoding: "utf8",
    cwd: crate,
  });
  if (!has("ls", stdout.trim())) return `the target is not installed (rustup target add ${target})`;
  if (!has(linker, "--version")) return `${linker} was not found (apt-get install gcc-aarch64-linux-gnu)`;
  return has(emulator, "--version") ? null : `${emulator} was not found (apt-get install qemu-user)`;
}

const reason = missing();
if (reason) {
  console.error(`arm64: not tested: ${reason}`);
  process.exit(1);
}
const args = ["test", "--locked", "--package", "megatron-kernels", "--target", target, ...process.argv.slice(2)];
const { status } = spawnSync("cargo", args, {
  cwd: crate,
  stdio: "inherit",
  env: {
    ...process.env,
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: linker,
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: `${emulator} -L /usr/aarch64-linux-gnu`,
  },
});
process.exitCode = status ?? 1;
