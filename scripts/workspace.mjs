/**
 * Runs programs for the scripts: Node, npm, pnpm through npm, and cargo, never a shell. It has no dependencies, because it
 * runs before anything is installed.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's directory. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const environment = { ...process.env, DO_NOT_TRACK: "1" };

/**
 * Runs a program until it exits, in the repository's root by default, and forwards SIGTERM to it.
 * @param options.capture true returns stdout instead of showing it, "both" stderr too
 * @param options.env variables to add to this process's environment
 * @returns the exit code, 1 if a signal ended it, and what was captured as `stdout` and `stderr`
 */
export function run(command, args, { capture = false, cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...environment, ...env },
      stdio: ["inherit", capture ? "pipe" : "inherit", capture === "both" ? "pipe" : "inherit"],
    });
    let stdout = "";
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    const forward = () => child.kill("SIGTERM");
    process.on("SIGTERM", forward);
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGTERM", forward);
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

/** Runs Node with `args`, as `run` does. */
export const runNode = (args, options) => run(process.execPath, args, options);

/** Runs npm, as `run` does. */
export const npm = (args, options) => runNode([findNpm(), ...args], options);

/** Runs the pnpm version that package.json names, as `run` does; npm downloads it if it is missing. */
export function pnpm(args, options) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const exec = ["exec", "--yes", "--prefer-offline", "--loglevel=error", `--package=${packageManager}`, "--", "pnpm"];
  return npm([...exec, ...args], options);
}

/** The path of npm's entry file: the one that runs this script, or else the one installed with Node. */
function findNpm() {
  const calling = process.env.npm_execpath ?? "";
  if (/npm-cli\.c?js$/.test(calling)) return calling;
  const bin = dirname(process.execPath);
  const candidates = ["../lib/node_modules", "node_modules"].map((path) => join(bin, path, "npm/bin/npm-cli.js"));
  const found = candidates.find(existsSync);
  if (!found) throw new Error("cannot find npm: run this script through npm, as in `npm start`");
  return found;
}

/** Installs the packages in pnpm-lock.yaml unless they are installed. Returns whether they are. */
export async function install() {
  const stamp = join(root, "node_modules", ".installed");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  const wanted = `${lock} ${process.platform} ${process.arch}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return true;
  console.log("Installing dependencies. The first time takes about a minute.");
  const { code } = await pnpm(["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"]);
  if (code === 0) writeFileSync(stamp, wanted);
  return code === 0;
}

/** Runs tasks of turbo.json in every package, skipping those that turbo has cached. Returns whether they succeeded. */
export async function turbo(...tasks) {
  const { code } = await pnpm(["exec", "turbo", "run", ...tasks, "--ui=stream", "--output-logs=errors-only"]);
  return code === 0;
}
