/** Runs every TypeScript example of every README, alone, against the built packages. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { listPackages } from "./packages.mjs";
import { readmeExamples } from "./readme-examples.mjs";
import { root } from "./workspace.mjs";

/** Examples run inside a package's `dist`, where its own name resolves to its build. */
function testExamples(name, { readme, dist }) {
  const examples = readmeExamples(readme);
  const skip = existsSync(dist) ? false : "not built";
  describe(`README of ${name}`, () => {
    it("has an example", () => assert.ok(examples.length > 0));
    for (const [index, { javascript }] of examples.entries()) {
      it(`example ${index + 1} runs`, { skip }, () => {
        const program = join(dist, "readme-example.mjs");
        const workspace = mkdtempSync(join(tmpdir(), "megatron-readme-"));
        try {
          writeFileSync(program, javascript);
          const { status, stderr } = spawnSync(process.execPath, [program], { cwd: workspace, encoding: "utf8" });
          assert.equal(status, 0, stderr);
        } finally {
          rmSync(program, { force: true });
          rmSync(workspace, { recursive: true, force: true });
        }
      });
    }
  });
}

const packages = listPackages();
for (const { kind, name, directory } of packages) {
  if (kind !== "packages") continue;
  testExamples(name, { readme: join(directory, "README.md"), dist: join(directory, "dist") });
}
// The repository's README uses several packages; the CLI depends on all of them.
const { directory } = packages.find(({ name }) => name === "cli");
testExamples("megatron-ts", { readme: join(root, "README.md"), dist: join(directory, "dist") });
