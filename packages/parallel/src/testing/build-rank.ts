/** Bundles a module from its sources, so that rank threads and processes of tests run what the tests are of. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Builds a module, next to this package's dependencies. Call `remove` when done. */
export async function buildRank(source: URL): Promise<{ file: URL; remove(): void }> {
  const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "rank-"));
  const outfile = join(directory, basename(fileURLToPath(source)).replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@megatron-ts/source"],
    external: ["@tensorflow/*", "koffi"],
    logLevel: "silent",
  });
  return { file: pathToFileURL(outfile), remove: () => rmSync(directory, { recursive: true, force: true }) };
}
