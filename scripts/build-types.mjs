/**
 * `npm run build:types`: checks the types of all packages and of their tests as one program, which TypeScript updates
 * incrementally, and bundles the declarations that it writes into `dist`, a file for each export of each package.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { listPackages, SCOPE } from "./packages.mjs";
import { root, runNode } from "./workspace.mjs";

/** Where tsconfig.json has declarations written, at the paths of their sources. */
const declarations = join(root, "node_modules/.cache/types");

const declarationOf = (source) => join(declarations, relative(root, source)).replace(/\.ts$/, ".d.ts");

/** Relative imports name sources, as declarations do too; other modules stay outside the bundle. */
const resolveDeclarations = {
  name: "resolve-declarations",
  resolveId: (name, importer) => {
    if (importer === undefined) return name;
    if (!name.startsWith(".")) return { id: name, external: true };
    return resolve(dirname(importer), name).replace(/(?<!\.d)\.ts$/, ".d.ts");
  },
};

/** Entries of a bundle, by the names of their files in `dist` without `.d.ts`. */
const entriesOf = ({ directory, manifest }) =>
  Object.fromEntries(
    Object.values(manifest.exports ?? {}).map(({ types, [`${SCOPE}source`]: source }) => [
      types.replace(/^\.\/dist\/(.*)\.d\.ts$/, "$1"),
      declarationOf(join(directory, source)),
    ]),
  );

/** Deletes the declarations of an earlier build: names of shared parts change with their contents. */
function removeDeclarations(dist) {
  if (!existsSync(dist)) return;
  for (const path of readdirSync(dist, { recursive: true })) if (path.endsWith(".d.ts")) rmSync(join(dist, path));
}

async function bundle(entry) {
  const input = entriesOf(entry);
  if (Object.keys(input).length === 0) return;
  const bundled = await rollup({
    input,
    plugins: [resolveDeclarations, dts()],
    onLog: (_level, { plugin, message }) => {
      // The plugin remarks on types that entries share but do not export: they are in a file that both import.
      if (plugin !== "dts") throw new Error(`types of ${entry.name}: ${message}`);
    },
  });
  const dist = join(entry.directory, "dist");
  removeDeclarations(dist);
  const chunkFileNames = ({ name }) => `${name.replace(/\.d$/, "")}-[hash].d.ts`;
  await bundled.write({ dir: dist, entryFileNames: "[name].d.ts", chunkFileNames });
}

const { code } = await runNode(["node_modules/typescript/bin/tsc", "--project", "."]);
if (code !== 0) process.exit(1);
for (const entry of listPackages()) await bundle(entry);
