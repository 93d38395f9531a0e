/**
 * Packages as strangers get them: published to a registry on loopback, each installed by itself into an empty directory,
 * imported, type-checked, bundled, and the examples of its README run. `npm run test:packages`; CI's `npm test` includes it.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { ISOMORPHIC, importedNames, listPackages, packageOf, SCOPE } from "../packages.mjs";
import { readmeExamples } from "../readme-examples.mjs";
import { root } from "../workspace.mjs";
import { createInstaller } from "./installation.mjs";
import { addon, publishAll } from "./publish.mjs";
import { startRegistry } from "./registry.mjs";
import { createTypeChecker, resolutions } from "./types.mjs";

/** The most that an installation of a package alone may take, in bytes. None of these may bring native code. */
const INSTALLED_SIZE = { tokenizer: 6e6, metrics: 6e6 };

/** An export of a package, and the most that a minified bundle of it alone may take, in bytes. */
const BUNDLE_SIZE = {
  attention: ["causalRanges", 2_000],
  checkpoint: ["checkpointsToDelete", 40_000],
  cost: ["utilization", 2_000],
  data: ["createBatchSchedule", 4_000],
  metrics: ["detokenizeWikitext", 2_000],
  native: ["fallbackCounts", 2_000],
  ops: ["gelu", 4_000],
  parallel: ["normal", 4_000],
  random: ["hashKey", 2_000],
  tokenizer: ["createTokenBuffer", 2_000],
};

/** All packages, or those that ONLY names. */
const only = process.env.ONLY?.split(",");
const packages = listPackages().filter(({ name }) => !only || only.includes(name));

const rootManifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const nodeTypes = `@types/node@${rootManifest.devDependencies["@types/node"]}`;

const home = mkdtempSync(join(tmpdir(), "megatron-published-"));
let registry;
let createInstallation;

before(async () => {
  for (const name of ["registry", "workspace"]) mkdirSync(join(home, name));
  registry = await startRegistry(join(home, "registry"));
  await publishAll({ workspace: join(home, "workspace"), registry });
  createInstallation = createInstaller(home, registry.npmrc);
});
after(async () => {
  await registry?.close();
  rmSync(home, { recursive: true, force: true });
});

describe("model, train and engine together", () => {
  const skip = existsSync(addon) ? false : "the native addon is not built";
  it("train on the native backend, without Rust on the path", { skip }, async () => {
    const { directory, install, node } = createInstallation("native");
    await install(["model", "train", "engine"].map((name) => SCOPE + name));
    copyFileSync(new URL("train-natively.mjs", import.meta.url), join(directory, "train.mjs"));
    const { backend, first, last } = JSON.parse(await node("train.mjs"));
    assert.equal(backend, "native");
    assert.ok(last < 0.5 * first, `the loss went from ${first} to ${last}`);
  });
});

/** What publint and attw say against a tarball. Packages are ESM only: CommonJS and Node 10 do not count. */
async function tarballProblems(file) {
  const tarball = Uint8Array.from(readFileSync(file));
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  const { problems = [] } = await checkPackage(createPackageFromTarballData(tarball));
  return [
    ...messages.map((message) => formatMessage(message, pkg, { color: false })),
    ...problems.filter(
      ({ kind, resolutionKind }) => kind !== "CJSResolvesToESM" && !["node10", "node16-cjs"].includes(resolutionKind),
    ),
  ];
}

/** The size of a minified bundle of one export, in bytes, TensorFlow.js and Node's modules aside. */
async function bundleSize(directory, specifier, name) {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${name} } from "${specifier}";`, resolveDir: directory },
    ...{ bundle: true, minify: true, format: "esm", platform: "node", write: false, external: ["@tensorflow/*"] },
  });
  return outputFiles[0].contents.length;
}

/** Tests one package in an installation of its own. */
function testAlone({ name, directory: source, manifest }) {
  const entries = Object.keys(manifest.exports ?? {});
  const importing = (some) =>
    some.map((entry, i) => `import * as entry${i} from "${manifest.name}${entry.slice(1)}";\n`).join("");
  let installed;
  let typeErrors;

  it("has nothing in its tarball that publint or attw object to", async () => {
    assert.deepEqual(await tarballProblems(registry.tarball(manifest)), []);
  });

  it("installs", async () => {
    installed = createInstallation(name);
    typeErrors = createTypeChecker(installed.directory);
    await installed.install([manifest.name]);
    if (!INSTALLED_SIZE[name]) return;
    const files = installed.files();
    const size = files.reduce((sum, file) => sum + file.size, 0);
    assert.ok(size <= INSTALLED_SIZE[name], `${size} bytes`);
    const native = /\.(node|wasm|so|dylib|dll)$|binding\.gyp$/;
    assert.deepEqual(
      files.filter(({ path }) => native.test(path)),
      [],
    );
  });

  if (manifest.bin) {
    it("has a program that runs", async () => {
      const [file] = Object.values(manifest.bin);
      assert.match(await installed.node(join("node_modules", manifest.name, file), "--version"), /^\d+\.\d+\.\d+\s*$/);
    });
  }
  if (entries.length === 0) return;

  it("imports", async () => {
    installed.write("import.mjs", importing(entries));
    await installed.node("import.mjs");
  });

  const isomorphic = entries.filter((entry) => ISOMORPHIC[name]?.includes(entry));
  if (isomorphic.length > 0) {
    it("type-checks without the types of Node", () => {
      installed.write("import.ts", importing(isomorphic));
      for (const resolution of resolutions) assert.deepEqual(typeErrors(["import.ts"], { resolution }), []);
    });
  }

  const examples = readmeExamples(join(source, "README.md"));
  it("runs the examples of its README", async () => {
    const imported = examples.flatMap(({ code }) => importedNames(code)).filter((other) => !isBuiltin(other));
    const others = new Set(imported.map(packageOf).filter((other) => other !== manifest.name));
    await installed.install([nodeTypes, ...others]);
    for (const [i, { code, javascript }] of examples.entries()) {
      installed.write(`example${i}.ts`, code);
      installed.write(`example${i}.mjs`, javascript);
      await installed.node(`example${i}.mjs`);
    }
  });

  it("type-checks, and so do the examples", () => {
    installed.write("import-all.ts", importing(entries));
    const files = ["import-all.ts", ...examples.map((_, i) => `example${i}.ts`)];
    for (const resolution of resolutions) assert.deepEqual(typeErrors(files, { resolution, types: ["node"] }), []);
  });

  if (BUNDLE_SIZE[name]) {
    const [exported, limit] = BUNDLE_SIZE[name];
    it(`adds to a bundle only what is used: ${exported} alone`, async () => {
      const size = await bundleSize(installed.directory, manifest.name, exported);
      assert.ok(size <= limit, `${size} bytes, expected at most ${limit}`);
    });
  }
}

describe("alone", { concurrency: 2 }, () => {
  for (const found of packages) describe(found.name, { concurrency: 1 }, () => testAlone(found));
});
