/** Publishes every package as a release does, from a copy of the workspace that has only what is published. */
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { binaryName, platformName } from "../../packages/native/scripts/platform.mjs";
import { listPackages } from "../packages.mjs";
import { pnpm, root, runNode } from "../workspace.mjs";

/** The addon as it is built here; without Rust there is none, and no platform package is published. */
export const addon = join(root, "packages", "native", binaryName(platformName()));

const COPIED = ["package.json", "README.md", "CHANGELOG.md", "LICENSE"];

/** Copies a package's published files, and links those packages of ours that its manifest names by `workspace:`. */
function copyPackage({ kind, name, directory, manifest }, workspace) {
  const target = join(workspace, kind, name);
  for (const file of [...COPIED, ...manifest.files]) {
    const from = join(directory, file);
    if (existsSync(from)) cpSync(from, join(target, file), { recursive: true });
  }
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  for (const [dependency, version] of wanted) {
    if (!version.startsWith("workspace:")) continue;
    const link = join(target, "node_modules", dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), join(workspace, "packages", dependency.split("/")[1])), link, "junction");
  }
}

async function succeed(what, running) {
  const { code, stdout } = await running;
  if (code !== 0) throw new Error(`${what} failed:\n${stdout}`);
}

/** Publishes all packages to a registry, with the addon that is built here as this platform's package. */
export async function publishAll({ workspace, registry }) {
  const packages = listPackages();
  for (const found of packages) copyPackage(found, workspace);
  for (const file of ["package.json", "pnpm-workspace.yaml", "LICENSE"])
    cpSync(join(root, file), join(workspace, file));
  writeFileSync(join(workspace, ".npmrc"), registry.npmrc);
  if (existsSync(addon)) {
    const native = join(workspace, "packages", "native");
    const from = ["--platform", platformName(), "--binaries", dirname(addon)];
    const to = ["--output", join(native, "npm"), "--manifest", join(native, "package.json")];
    const script = join(root, "packages", "native", "scripts", "write-platform-packages.mjs");
    await succeed("writing the platform package", runNode([script, ...from, ...to], { capture: true }));
  }
  const options = ["--no-git-checks", "--ignore-scripts", "--registry", registry.url];
  await succeed("pnpm publish", pnpm(["--recursive", "publish", ...options], { cwd: workspace, capture: true }));
  return packages;
}
