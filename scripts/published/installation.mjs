/** Installations as strangers make them: npm in an empty directory outside the workspace, without Rust on the path. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { npm, runNode } from "../workspace.mjs";

const hasRust = (directory) => ["cargo", "rustc"].some((name) => existsSync(join(directory, name)));

/**
 * @param home the directory of all installations and of the cache they share
 * @param npmrc the .npmrc of each
 */
export function createInstaller(home, npmrc) {
  const env = {
    npm_config_cache: join(home, "cache"),
    PATH: process.env.PATH.split(delimiter)
      .filter((directory) => !hasRust(directory))
      .join(delimiter),
  };
  const succeed = async (running) => {
    const { code, stdout, stderr } = await running;
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  return (name) => {
    const directory = join(home, name);
    mkdirSync(directory, { recursive: true });
    const options = { cwd: directory, env, capture: "both" };
    const write = (file, text) => writeFileSync(join(directory, file), text);
    write("package.json", JSON.stringify({ private: true, type: "module" }));
    write(".npmrc", npmrc);
    return {
      directory,
      write,
      /** Installs packages beside those that are installed. */
      install: (packages) =>
        succeed(
          npm(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline", ...packages], options),
        ),
      /** Runs Node with these arguments and returns what it prints. */
      node: (...args) => succeed(runNode(args, options)),
      /** Every installed file, with its size in bytes. */
      files: () =>
        readdirSync(join(directory, "node_modules"), { recursive: true })
          .map((path) => ({ path, stats: statSync(join(directory, "node_modules", path)) }))
          .filter(({ stats }) => stats.isFile())
          .map(({ path, stats }) => ({ path, size: stats.size })),
    };
  };
}
