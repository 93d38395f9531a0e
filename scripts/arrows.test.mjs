/**
 * The arrows of AGENTS.md: which package may depend on which. Reads every package.json and every import, and fails on an
 * edge that points up or is not declared.
 */
import assert from "node:assert/strict";
import { isBuiltin } from "node:module";
import { relative } from "node:path";
import { test } from "node:test";
import { entriesOf, importsOf, listPackages, packageOf, reachable, SCOPE, sourcesOf } from "./packages.mjs";
import { root } from "./workspace.mjs";

/** Direct arrows; what lies further below may be used too. An app may use everything. */
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
  tokenizer: [],
  metrics: [],
  cost: [],
  random: [],
  errors: [],
  "ai-provider": [],
};

/** Engine runs the suites of these, so they cannot test with it. */
const RUN_BY_ENGINE = ["ops", "native", "random"];

/** What runs in a browser as well, by package and export. */
const ISOMORPHIC = {
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

const packages = listPackages();
const byName = new Map(packages.map((found) => [found.name, found]));

const below = (name) => new Set(ARROWS[name].flatMap((next) => [next, ...below(next)]));

/** Ours among the names of a dependency record, without the scope. */
const ours = (record = {}) =>
  Object.keys(record)
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length));

/** Names of ours that `name` may depend on; undefined for an app, which may use all. */
function allowed(name, { development }) {
  const names = below(name);
  if (development && !RUN_BY_ENGINE.includes(name)) names.add("engine");
  return names;
}

for (const { kind, name, manifest } of packages) {
  test(`${name}: arrows point down`, () => {
    assert.equal(manifest.name, `${SCOPE}${name}`);
    if (kind === "apps") {
      assert.deepEqual(
        ours({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
          (other) => byName.get(other)?.kind !== "packages",
        ),
        [],
      );
      return;
    }
    assert.ok(ARROWS[name], `${name} has no row in the table of arrows`);
    const upward = (record, development) => {
      const may = allowed(name, { development });
      return ours(record).filter((other) => !may.has(other));
    };
    assert.deepEqual(upward(manifest.dependencies, false), [], "dependencies that point up");
    assert.deepEqual(upward(manifest.peerDependencies, false), [], "peerDependencies that point up");
    assert.deepEqual(upward(manifest.devDependencies, true), [], "devDependencies that point up");
  });
}

/** What a developer's file may import beside its package's own: the tools of the repository's root. */
const ROOT_TOOLS = new Set(["vitest", "fast-check"]);

for (const found of packages) {
  const { name, manifest } = found;
  test(`${name}: every import is declared`, () => {
    const shipped = reachable([...entriesOf(found).values()]);
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

  test(`${name}: no declared package is unused`, () => {
    const shipped = reachable([...entriesOf(found).values()]);
    const imported = (files) => new Set([...files].flatMap(importsOf).map(packageOf));
    const inShipped = imported(shipped);
    assert.deepEqual(
      ours(manifest.dependencies).filter((other) => !inShipped.has(SCOPE + other)),
      [],
    );
  });
}

/** Every file that loads when an entry is imported, in all packages of ours. */
function loadedBy(found, entry, seen = new Set()) {
  const start = entriesOf(found).get(entry);
  assert.ok(start, `${found.name} has no entry ${entry}`);
  for (const file of reachable([start])) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const wanted of importsOf(file).filter((one) => one.startsWith(SCOPE))) {
      const [other, ...subpath] = wanted.slice(SCOPE.length).split("/");
      loadedBy(byName.get(other), [".", ...subpath].join("/"), seen);
    }
  }
  return seen;
}

for (const [name, entries] of Object.entries(ISOMORPHIC)) {
  for (const entry of entries) {
    test(`${name} (${entry}): no module of Node`, () => {
      const found = [...loadedBy(byName.get(name), entry)].flatMap((file) =>
        importsOf(file)
          .filter(isBuiltin)
          .map((wanted) => `${relative(root, file)} imports ${wanted}`),
      );
      assert.deepEqual(found, []);
    });
  }
}
