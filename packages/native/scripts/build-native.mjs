/**
 * Compiles the Rust crate to megatron-native.<platform>.node beside package.json. Fast when nothing changed. Without a
 * Rust toolchain it says so in one line and leaves it: everything then runs on the wasm backend.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, renameSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { binaryName, platformName } from "./platform.mjs";
import { crate, missingCargo } from "./toolchain.mjs";

const directory = fileURLToPath(new URL("..", import.meta.url));
const target = process.argv[2] ?? null;

function libraryPath() {
  const name = target ?? process.platform;
  const file =
    /win/.test(name) && !/darwin/.test(name)
      ? "megatron_native.dll"
      : `libmegatron_native.${/darwin/.test(name) ? "dylib" : "so"}`;
  return `${crate}target/${target ? `${target}/` : ""}release/${file}`;
}

const reason = missingCargo();
if (reason) {
  console.log(`native: not built, ${reason} (https://rustup.rs); the wasm backend serves instead`);
} else {
  const jobs = `-j${availableParallelism()}`;
  const args = ["build", "--release", "--locked", "--quiet", jobs, "--package", "megatron-native"];
  const { status } = spawnSync("cargo", target ? [...args, "--target", target] : args, {
    cwd: crate,
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error("native: the Rust crate did not compile");
    process.exit(1);
  }
  const built = `${directory}${binaryName(platformName(target))}`;
  if (!existsSync(built) || statSync(built).mtimeMs < statSync(libraryPath()).mtimeMs) {
    // Renamed into place: a process that has the old file open keeps it.
    copyFileSync(libraryPath(), `${built}.new`);
    renameSync(`${built}.new`, built);
  }
}
