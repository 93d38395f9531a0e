/** The workspace's packages as they are on disk: what each declares, which files it ships, and what those import. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { root } from "./workspace.mjs";

export const SCOPE = "@megatron-ts/";

/** Every package: directory, short name, kind ("packages" or "apps") and package.json. */
export function listPackages() {
  return ["packages", "apps"].flatMap((kind) =>
    readdirSync(join(root, kind))
      .map((name) => ({ kind, name, directory: join(root, kind, name) }))
      .filter(({ directory }) => existsSync(join(directory, "package.json")))
      .map((found) => ({
        ...found,
        manifest: JSON.parse(readFileSync(join(found.directory, "package.json"), "utf8")),
      })),
  );
}

/** The sources that a package's users reach: entries by export name, and what its build starts from besides. */
export function entriesOf({ directory, manifest }) {
  const exported = Object.entries(manifest.exports ?? {}).map(([name, conditions]) => [
    name,
    join(directory, conditions[`${SCOPE}source`] ?? ""),
  ]);
  const config = join(directory, "tsup.config.ts");
  const text = existsSync(config) ? readFileSync(config, "utf8") : "";
  const built = [...text.matchAll(/"(src\/[^"]+\.ts)"/g)].map(([, path]) => [path, join(directory, path)]);
  return new Map([...exported, ...built]);
}

/** All TypeScript files below a package's src. */
export function sourcesOf({ directory }) {
  const source = join(directory, "src");
  if (!existsSync(source)) return [];
  return readdirSync(source, { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(source, path));
}

/** What a file imports, as written: statically, dynamically, for types too. */
export function importsOf(file) {
  const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const forms = [
    /^\s*(?:import|export)\s[^;'"]*?from\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map(([, name]) => name));
}

/** The files that can be reached from `files` through relative imports, themselves included. */
export function reachable(files) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of importsOf(file)) if (name.startsWith(".")) visit(resolve(dirname(file), name));
  };
  for (const file of files) visit(file);
  return seen;
}

/** The package that an import names: `@tensorflow/tfjs/dist/x` is `@tensorflow/tfjs`. */
export const packageOf = (name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/");
