/** Every example in TypeScript of every README runs as it stands, alone, on what the build made. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { listPackages } from "./packages.mjs";
import { root } from "./workspace.mjs";

const { ModuleKind, ScriptTarget } = ts;
const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, verbatimModuleSyntax: true };

/** The examples of a README, run inside of a package's `dist`: its own name means its build there. */
function runExamples(name, { readme, dist }) {
  const examples = [...readFileSync(readme, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  const skip = existsSync(dist) ? false : "it is not built";
  test(`${name}: the README has an example`, () => assert.ok(examples.length > 0));
  for (const [index, code] of examples.entries()) {
    test(`${name}: example ${index + 1} of the README runs`, { skip }, () => {
      const { outputText } = ts.transpileModule(code, { compilerOptions });
      const program = join(dist, "readme-example.mjs");
      const workplace = mkdtempSync(join(tmpdir(), "megatron-readme-"));
      try {
        writeFileSync(program, outputText);
        const { status, stderr } = spawnSync(process.execPath, [program], { cwd: workplace, encoding: "utf8" });
        assert.equal(status, 0, stderr);
      } finally {
        rmSync(program, { force: true });
        rmSync(workplace, { recursive: true, force: true });
      }
    });
  }
}

const packages = listPackages();
for (const { kind, name, directory } of packages) {
  if (kind !== "packages") continue;
  runExamples(name, { readme: join(directory, "README.md"), dist: join(directory, "dist") });
}
// The repository's own examples use several packages, which the program has all of.
const { directory } = packages.find(({ name }) => name === "cli");
runExamples("megatron-ts", { readme: join(root, "README.md"), dist: join(directory, "dist") });
