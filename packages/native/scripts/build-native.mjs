/**
 * Compiles the Rust crate to megatron-native.<platform>.node, next to package.json, and regenerates the types of the
 * addon. Fast when nothing has changed. Without a Rust toolchain it prints one line and exits with 0: the packages then
 * run on the wasm backend.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { recordsDirectory, writeAddonTypes } from "./addon-types.mjs";
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

function describeAddon(built) {
  try {
    if (!writeAddonTypes(built)) return;
    console.log("native: src/native-addon.ts has changed with the crate; commit it");
    if (process.env.CI) process.exitCode = 1;
  } catch (error) {
    console.error(`native: ${error.message}`);
    process.exitCode = 1;
  }
}

const reason = missingCargo();
if (reason) {
  console.log(`native: not built: ${reason} (https://rustup.rs); using the wasm backend instead`);
} else {
  const jobs = `-j${availableParallelism()}`;
  const args = ["build", "--release", "--locked", "--quiet", jobs, "--package", "megatron-native"];
  mkdirSync(recordsDirectory, { recursive: true });
  const { status } = spawnSync("cargo", target ? [...args, "--target", target] : args, {
    cwd: crate,
    stdio: "inherit",
    env: { ...process.env, NAPI_TYPE_DEF_TMP_FOLDER: recordsDirectory },
  });
  if (status !== 0) {
    console.error("native: the Rust crate failed to compile");
    process.exit(1);
  }
  const built = `${directory}${binaryName(platformName(target))}`;
  if (!existsSync(built) || statSync(built).mtimeMs < statSync(libraryPath()).mtimeMs) {
    // Renamed into place, so that a process that has the old file open keeps it.
    copyFileSync(libraryPath(), `${built}.new`);
    renameSync(`${built}.new`, built);
  }
  if (!target) describeAddon(built);
}
