/** Bundles a module from its sources, so that rank threads and processes of tests run what the tests are of. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** Packages that are not ours are loaded from where they are installed, and our sources still know their own place. */
const inPlace: Plugin = {
  name: "in-place",
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: /^(@tensorflow\/|[^.@/])/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === inPlace || options.kind === "entry-point" || path.startsWith("node:")) return undefined;
      const found = await resolve(path, { ...options, pluginData: inPlace });
      return found.errors.length > 0 ? found : { path: found.path, external: true };
    });
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
      loader: "ts",
    }));
  },
};

/** Builds a module. Call `remove` when done. */
export async function buildRank(source: URL): Promise<{ file: URL; remove(): void }> {
  const directory = mkdtempSync(join(tmpdir(), "megatron-rank-"));
  const outfile = join(directory, basename(fileURLToPath(source)).replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@megatron-ts/source"],
    plugins: [inPlace],
    logLevel: "silent",
  });
  return { file: pathToFileURL(outfile), remove: () => rmSync(directory, { recursive: true, force: true }) };
}
