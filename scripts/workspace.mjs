/**
 * How the scripts beside this file run things: through Node itself, pnpm by way of npm, cargo, never through a shell.
 * Plain Node without dependencies, because it runs before anything is installed.
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
 * Runs a program, in the repository's directory unless told, until it ends; SIGTERM is passed on to it.
 * @param options.capture gives stdout back instead of showing it
 * @param options.env variables beside those of this process
 * @returns the exit code, 1 where a signal ended it, and what was captured
 */
export function run(command, args, { capture = false, cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...environment, ...env },
      stdio: ["inherit", capture ? "pipe" : "inherit", "inherit"],
    });
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    const forward = () => child.kill("SIGTERM");
    process.on("SIGTERM", forward);
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGTERM", forward);
      resolve({ code: code ?? 1, stdout });
    });
  });
}

/** Runs Node with `args`, as `run` does. */
export const runNode = (args, options) => run(process.execPath, args, options);

/** Runs the pnpm that package.json names; npm fetches it where it is absent. */
export function pnpm(args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const exec = ["exec", "--yes", "--prefer-offline", "--loglevel=error", `--package=${packageManager}`, "--", "pnpm"];
  return runNode([findNpm(), ...exec, ...args]);
}

/** npm's entry file: the one that runs this script, else the one that came with Node. */
function findNpm() {
  const calling = process.env.npm_execpath ?? "";
  if (/npm-cli\.c?js$/.test(calling)) return calling;
  const beside = dirname(process.execPath);
  const places = ["../lib/node_modules", "node_modules"].map((place) => join(beside, place, "npm/bin/npm-cli.js"));
  const found = places.find(existsSync);
  if (!found) throw new Error("npm was not found: run this through npm, as in `npm start`");
  return found;
}

/** Installs what pnpm-lock.yaml names, unless that was done already. Gives whether everything is there. */
export async function install() {
  const stamp = join(root, "node_modules", ".installed");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  const wanted = `${lock} ${process.platform} ${process.arch}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return true;
  console.log("Installing the packages that pnpm-lock.yaml names: about a minute the first time.");
  const { code } = await pnpm(["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"]);
  if (code === 0) writeFileSync(stamp, wanted);
  return code === 0;
}

/** Runs a task of turbo.json in every package; what did not change comes from turbo's cache. Gives whether it passed. */
export async function turbo(task) {
  const { code } = await pnpm(["exec", "turbo", "run", task, "--ui=stream", "--output-logs=errors-only"]);
  return code === 0;
}
