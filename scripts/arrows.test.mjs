/** Checks every package.json and every import against the arrows in AGENTS.md: which package may depend on which. */
import assert from "node:assert/strict";
import { isBuiltin } from "node:module";
import { relative } from "node:path";
import { describe, it } from "node:test";
import {
  entriesOf,
  ISOMORPHIC,
  importsOf,
  listPackages,
  packageOf,
  reachable,
  runtimeImportsOf,
  SCOPE,
  sourcesOf,
} from "./packages.mjs";
import { root } from "./workspace.mjs";

/** Direct arrows. A package may also use what these depend on; an app may use everything. */
const ARROWS = {
  explain: ["checkpoint", "model", "attention", "ops", "data", "tokenizer"],
  export: ["checkpoint", "model", "ops", "tokenizer"],
  tasks: ["train", "generate", "checkpoint", "data", "metrics", "cost", "tokenizer", "model", "ops"],
  train: ["checkpoint", "model", "parallel", "data", "metrics", "cost", "ops"],
  generate: ["model", "parallel", "attention", "ops", "tokenizer"],
  checkpoint: ["model", "parallel", "ops"],
  model: ["parallel", "attention", "ops"],
  parallel: ["ops", "random"],
  attention: ["ops", "random"],
  ops: ["random", "errors"],
  data: ["tokenizer", "random", "errors"],
  engine: ["native", "ops"],
  native: ["ops"],
  tokenizer: ["errors"],
  metrics: [],
  cost: [],
  random: [],
  errors: [],
  "ai-provider": [],
};

/** Apps that an app may use: the command line starts the server. */
const APPS = { cli: ["server"] };

/** Packages whose conformance suites engine runs; their own tests cannot use engine. */
const RUN_BY_ENGINE = ["ops", "native", "random"];

const packages = listPackages();
const byName = new Map(packages.map((found) => [found.name, found]));

const below = (name) => new Set(ARROWS[name].flatMap((next) => [next, ...below(next)]));

/** Our own packages in a dependency record, without the scope. */
const ours = (record = {}) =>
  Object.keys(record)
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length));

/** The packages that `name` may depend on. */
function allowed(name, { development }) {
  const names = below(name);
  if (development && !RUN_BY_ENGINE.includes(name)) names.add("engine");
  return names;
}

/** Root devDependencies that every package's tests may import. */
const ROOT_TOOLS = new Set(["vitest", "fast-check"]);

/** Every file of our packages that is loaded at run time when an entry is imported. */
function loadedBy(found, entry, seen = new Set()) {
  const start = entriesOf(found).get(entry);
  assert.ok(start, `${found.name} has no entry ${entry}`);
  for (const file of reachable([start], runtimeImportsOf)) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const wanted of runtimeImportsOf(file).filter((one) => one.startsWith(SCOPE))) {
      const [other, ...subpath] = wanted.slice(SCOPE.length).split("/");
      loadedBy(byName.get(other), [".", ...subpath].join("/"), seen);
    }
  }
  return seen;
}

function testPackage(found) {
  const { kind, name, manifest } = found;
  const shipped = reachable([...entriesOf(found).values()]);

  it("depends only on packages below it", () => {
    assert.equal(manifest.name, `${SCOPE}${name}`);
    if (kind === "apps") {
      const all = ours({ ...manifest.dependencies, ...manifest.devDependencies });
      assert.deepEqual(
        all.filter((other) => byName.get(other)?.kind !== "packages" && !APPS[name]?.includes(other)),
        [],
      );
      return;
    }
    assert.ok(ARROWS[name], `${name} has no row in the table of arrows`);
    for (const field of ["dependencies", "peerDependencies", "devDependencies"]) {
      const may = allowed(name, { development: field === "devDependencies" });
      const upward = ours(manifest[field]).filter((other) => !may.has(other));
      assert.deepEqual(upward, [], field);
    }
  });

  it("declares every import", () => {
    const used = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
    const development = new Set([...used, ...Object.keys(manifest.devDependencies ?? {}), ...ROOT_TOOLS]);
    const undeclared = sourcesOf(found).flatMap((file) => {
      const may = shipped.has(file) ? used : development;
      return importsOf(file)
        .filter((wanted) => !wanted.startsWith(".") && !isBuiltin(wanted) && !may.has(packageOf(wanted)))
        .map((wanted) => `${relative(root, file)} imports ${wanted}`);
    });
    assert.deepEqual(undeclared, []);
  });

  it("uses every package of ours that it declares", () => {
    const imported = new Set([...shipped].flatMap(importsOf).map(packageOf));
    const unused = ours(manifest.dependencies).filter((other) => !imported.has(SCOPE + other));
    assert.deepEqual(unused, []);
  });

  for (const entry of ISOMORPHIC[name] ?? []) {
    it(`imports no module of Node in ${entry}`, () => {
      const builtins = [...loadedBy(found, entry)].flatMap((file) =>
        runtimeImportsOf(file)
          .filter(isBuiltin)
          .map((wanted) => `${relative(root, file)} imports ${wanted}`),
      );
      assert.deepEqual(builtins, []);
    });
  }
}

for (const found of packages) describe(found.name, () => testPackage(found));
