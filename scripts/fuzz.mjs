/**
 * `pnpm fuzz [parser...] [--cases N] [--seconds N] [--seed N]`: feeds damaged files to the parsers, on the sources. Each must
 * return, or throw an error of ours in one line, within bounds of time and memory. Prints its seed, and saves what it finds.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root, runNode } from "./workspace.mjs";

const outdir = join(root, "node_modules", ".cache", `megatron-fuzz-${process.pid}`);
await build({
  entryPoints: ["main", "worker"].map((name) => join(root, "scripts", "fuzz", `${name}.mjs`)),
  outdir,
  outExtension: { ".js": ".mjs" },
  splitting: true,
  bundle: true,
  platform: "node",
  format: "esm",
  conditions: ["@megatron-ts/source"],
  external: ["*.node", "fsevents"],
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  define: { "globalThis.FUZZ_ROOT": JSON.stringify(root) },
  logLevel: "error",
});
try {
  const { code } = await runNode([join(outdir, "main.mjs"), ...process.argv.slice(2)]);
  process.exitCode = code;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
