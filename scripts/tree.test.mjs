/** Rules for package.json files, the lock file and exports that no compiler checks. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { listPackages, sourcesOf } from "./packages.mjs";
import { root } from "./workspace.mjs";

for (const { name, directory, manifest } of listPackages()) {
  describe(name, () => {
    it("has a README with an example, a description, the license and its publishing settings", () => {
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

    it("publishes the same exports as the sources have", () => {
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

    it("pins its dependencies", () => {
      const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies };
      const loose = Object.entries(all).filter(([, version]) => !/^(\d+\.\d+\.\d+[\w.-]*|workspace:\*)$/.test(version));
      assert.deepEqual(loose, []);
    });
  });
}

describe("the repository", () => {
  it("names no host and no local path in its lock file", () => {
    const lines = readFileSync(join(root, "pnpm-lock.yaml"), "utf8").split("\n");
    const suspicious = lines.filter((line) =>
      /https?:|git\+|file:\/|tarball:|(^|[\s:'"])\/(home|root|tmp|work|Users)\//.test(line),
    );
    assert.deepEqual(suspicious, []);
  });

  it("exports nothing that no other file mentions", () => {
    const files = listPackages().flatMap(({ directory }) => [
      ...sourcesOf({ directory }),
      ...["bin/megatron.js", "tsup.config.ts"].map((name) => join(directory, name)).filter(existsSync),
    ]);
    const wordsOf = new Map(files.map((file) => [file, new Set(readFileSync(file, "utf8").match(/[\w$]+/g))]));
    const unused = files.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm)]
        .map(([, name]) => name)
        .filter((name) => ![...wordsOf].some(([other, words]) => other !== file && words.has(name)))
        .map((name) => `${relative(root, file)}: ${name}`),
    );
    assert.deepEqual(unused, []);
  });
});
