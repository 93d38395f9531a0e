/** Bundles entries from their sources, so that worker threads and child processes of tests run what the tests are of. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "tsup";

/** Builds `src/<entry>` into `directory` and gives the URLs of the results. */
export async function buildEntries<Name extends string>(
  entries: Record<Name, string>,
  directory: string,
): Promise<Record<Name, URL>> {
  const source = (entry: string) => fileURLToPath(new URL(`../${entry}`, import.meta.url));
  const names = Object.keys(entries) as Name[];
  await build({
    entry: Object.fromEntries(names.map((name) => [name, source(entries[name])])),
    outDir: directory,
    format: ["esm"],
    target: "node20",
    platform: "node",
    config: false,
    silent: true,
    clean: false,
    noExternal: [/.*/],
    outExtension: () => ({ js: ".mjs" }),
    esbuildOptions(options) {
      options.conditions = ["@megatron-ts/source", "node", "import"];
    },
  });
  return Object.fromEntries(names.map((name) => [name, pathToFileURL(`${directory}/${name}.mjs`)])) as Record<
    Name,
    URL
  >;
}
