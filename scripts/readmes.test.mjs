/** The example that every package's README begins with runs as it stands, on what the build made. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { listPackages } from "./packages.mjs";

const { ModuleKind, ScriptTarget } = ts;
const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, verbatimModuleSyntax: true };

for (const { kind, name, directory } of listPackages()) {
  if (kind !== "packages") continue;
  const dist = join(directory, "dist");
  const skip = existsSync(dist) ? false : "it is not built";
  test(`${name}: the README's example runs`, { skip }, () => {
    const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(directory, "README.md"), "utf8"))?.[1];
    assert.ok(example, "README.md has no example in TypeScript");
    const { outputText } = ts.transpileModule(example, { compilerOptions });
    // Inside of the package, whose own name means its build there.
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
