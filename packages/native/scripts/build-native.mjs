/**
 * Compiles the Rust crate to megatron-native.<platform>.node beside package.json. Fast when nothing changed. Without a
 * Rust toolchain it says so in one line and leaves it: everything then runs on the wasm backend.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { platformName } from "./platform.mjs";

const directory = fileURLToPath(new URL("..", import.meta.url));
const crate = `${directory}crate`;
const target = process.argv[2] ?? null;

/** The oldest compiler that crate/Cargo.toml accepts, as [major, minor]. */
const oldest = readFileSync(`${crate}/Cargo.toml`, "utf8")
  .match(/rust-version = "(\d+)\.(\d+)"/)
  .slice(1)
  .map(Number);

function missing() {
  const { status, stdout } = spawnSync("cargo", ["--version"], { encoding: "utf8", cwd: crate });
  if (status !== 0) return "cargo was not found";
  const [, major, minor] = stdout.match(/(\d+)\.(\d+)/).map(Number);
  const newEnough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  return newEnough ? null : `${stdout.trim()} is older than ${oldest.join(".")}`;
}

function libraryPath() {
  const name = target ?? process.platform;
  const file =
    /win/.test(name) && !/darwin/.test(name)
      ? "megatron_native.dll"
      : `libmegatron_native.${/darwin/.test(name) ? "dylib" : "so"}`;
  return `${crate}/target/${target ? `${target}/` : ""}release/${file}`;
}

const reason = missing();
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
  const built = `${directory}megatron-native.${platformName(target)}.node`;
  if (!existsSync(built) || statSync(built).mtimeMs < statSync(libraryPath()).mtimeMs) {
    // Renamed into place: a process that has the old file open keeps it.
    copyFileSync(libraryPath(), `${built}.new`);
    renameSync(`${built}.new`, built);
  }
}
