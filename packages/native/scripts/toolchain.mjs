/** Checks whether the Rust toolchain of this machine can compile the crate. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The directory of the Rust workspace. */
export const crate = fileURLToPath(new URL("../crate/", import.meta.url));

/** The oldest compiler that crate/Cargo.toml accepts, as [major, minor]. */
const oldest = readFileSync(`${crate}Cargo.toml`, "utf8")
  .match(/rust-version = "(\d+)\.(\d+)"/)
  .slice(1)
  .map(Number);

/** Why the crate cannot be compiled, on one line; null if cargo is installed and recent enough. */
export function missingCargo() {
  const { status, stdout } = spawnSync("cargo", ["--version"], { encoding: "utf8", cwd: crate });
  if (status !== 0) return "cargo was not found";
  const [, major, minor] = stdout.match(/(\d+)\.(\d+)/).map(Number);
  const newEnough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  return newEnough ? null : `${stdout.trim()} is older than ${oldest.join(".")}`;
}

/** Whether a program runs at all: `has("cargo", "clippy", "--version")`. */
export const has = (command, ...args) => spawnSync(command, args, { cwd: crate, stdio: "ignore" }).status === 0;
