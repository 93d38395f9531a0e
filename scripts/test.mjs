/**
 * `npm test`: installs, builds, lints, type-checks and runs every test. The last line is `N passed, N failed`, summed
 * over all runners, with the build, the lint and the type check counting as a test each.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkRust } from "./rust.mjs";
import { countCheck, countTap, countVitest, formatTotal } from "./test-counts.mjs";
import { install, root, runNode, turbo } from "./workspace.mjs";

const counts = [];
const check = async (name, run) => {
  console.log(`\n== ${name}`);
  const count = await run();
  counts.push(count);
  console.log(`== ${name}: ${formatTotal([count])}`);
  return count.failed === 0;
};

async function lint() {
  const { code } = await runNode(["node_modules/@biomejs/biome/bin/biome", "check", "."]);
  return countCheck(code === 0);
}

/** All packages as one program, incrementally: a declaration is parsed and checked once. */
async function types() {
  const { code } = await runNode(["node_modules/typescript/bin/tsc", "--project", "."]);
  return countCheck(code === 0);
}

async function vitest(outputs) {
  const file = join(outputs, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code } = await runNode(["node_modules/vitest/vitest.mjs", "run", ...reporters]);
  return countVitest(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined, code);
}

async function nodeTest(outputs) {
  const file = join(outputs, "scripts.tap");
  const tests = readdirSync(join(root, "scripts")).filter((name) => name.endsWith(".test.mjs"));
  const { code } = await runNode([
    "--test",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${file}`,
    ...tests.map((name) => join("scripts", name)),
  ]);
  return countTap(existsSync(file) ? readFileSync(file, "utf8") : "", code);
}

const outputs = mkdtempSync(join(tmpdir(), "megatron-test-"));
try {
  const installed = await check("install", async () => countCheck(await install()));
  if (installed) {
    await check("build", async () => countCheck(await turbo("build")));
    await check("lint", lint);
    await check("types", types);
    await check("rust", checkRust);
    await check("scripts", () => nodeTest(outputs));
    await check("packages", () => vitest(outputs));
  }
} finally {
  rmSync(outputs, { recursive: true, force: true });
}
console.log(`\n${formatTotal(counts)}`);
process.exitCode = counts.every(({ failed }) => failed === 0) ? 0 : 1;
