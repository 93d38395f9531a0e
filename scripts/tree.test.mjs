/** What every package carries, and what the tree must not: rules that no compiler knows. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { listPackages, sourcesOf } from "./packages.mjs";
import { root } from "./workspace.mjs";

for (const { name, directory, manifest } of listPackages()) {
  test(`${name}: a README with an example, a description, the license, and how it is published`, () => {
    assert.ok(existsSync(join(directory, "README.md")), "README.md is missing");
    const readme = readFileSync(join(directory, "README.md"), "utf8");
    assert.match(readme, /^# /);
    assert.match(readme, /```/, "README.md has no example");
    assert.ok(manifest.description.length > 20, "description is missing");
    assert.equal(manifest.license, "Apache-2.0");
    assert.equal(manifest.type, "module");
    assert.equal(manifest.publishConfig.access, "public");
    assert.equal(manifest.engines.node, ">=20.19");
  });

  test(`${name}: what is published offers the same exports as the sources`, () => {
    if (!manifest.exports) return;
    const published = Object.entries(manifest.publishConfig.exports);
    assert.deepEqual(
      published.map(([entry]) => entry),
      Object.keys(manifest.exports),
    );
    for (const [entry, { types, default: code }] of published) {
      assert.equal(types, manifest.exports[entry].types);
      assert.equal(code, manifest.exports[entry].default);
    }
  });

  test(`${name}: dependencies are pinned`, () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies };
    const loose = Object.entries(all).filter(([, version]) => !/^(\d+\.\d+\.\d+[\w.-]*|workspace:\*)$/.test(version));
    assert.deepEqual(loose, []);
  });
}

test("the lock file names no host and no path of a machine", () => {
  const lines = readFileSync(join(root, "pnpm-lock.yaml"), "utf8").split("\n");
  const suspicious = lines.filter((line) =>
    /https?:|git\+|file:\/|tarball:|(^|[\s:'"])\/(home|root|tmp|work|Users)\//.test(line),
  );
  assert.deepEqual(suspicious, []);
});

test("whatever is exported is wanted somewhere else", () => {
  const files = listPackages().flatMap(({ directory }) => [
    ...sourcesOf({ directory }),
    ...["bin/megatron.js", "tsup.config.ts"].map((name) => join(directory, name)).filter(existsSync),
  ]);
  const wordsOf = new Map(files.map((file) => [file, new Set(readFileSync(file, "utf8").match(/[\w$]+/g))]));
  const unwanted = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm)]
      .map(([, name]) => name)
      .filter((name) => ![...wordsOf].some(([other, words]) => other !== file && words.has(name)))
      .map((name) => `${relative(root, file)}: ${name}`),
  );
  assert.deepEqual(unwanted, []);
});
