/** Reads the workspace's packages from disk: what each declares, which files it ships, and what those files import. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { root } from "./workspace.mjs";

export const SCOPE = "@megatron-ts/";

/** Packages that run in a browser too, with the exports that do. */
export const ISOMORPHIC = {
  tokenizer: ["."],
  metrics: ["."],
  random: ["."],
  errors: ["."],
  cost: ["."],
  ops: [".", "./conformance"],
  attention: ["."],
  parallel: ["."],
  model: ["."],
  generate: ["."],
  train: ["./step"],
};

/** Lists every package: its directory, short name, kind ("packages" or "apps") and package.json. */
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

/** The source files that a package's build starts from: by export name, or by path if they are not exported. */
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

/** All TypeScript files in a package's src. */
export function sourcesOf({ directory }) {
  const source = join(directory, "src");
  if (!existsSync(source)) return [];
  return readdirSync(source, { recursive: true })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(source, path));
}

/** The module names that a file imports, as written: static, dynamic and type imports. */
export const importsOf = (file) => importedNames(readFileSync(file, "utf8"));

/** The module names that source code imports, as written. */
export function importedNames(source) {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const forms = [
    /^\s*(?:import|export)\s[^;'"]*?from\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map(([, name]) => name));
}

/** The module names that a file imports when it runs: no type imports. */
export const runtimeImportsOf = (file) =>
  importedNames(readFileSync(file, "utf8").replaceAll(/^\s*(?:import|export) type\b[^;]*;/gm, ""));

/** All files that can be reached from `files` through relative imports, including these. */
export function reachable(files, imports = importsOf) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of imports(file)) if (name.startsWith(".")) visit(resolve(dirname(file), name));
  };
  for (const file of files) visit(file);
  return seen;
}

/** The package of a module name: `@tensorflow/tfjs` for `@tensorflow/tfjs/dist/x`. */
export const packageOf = (name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/");
