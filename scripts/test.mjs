/**
 * `npm test`: installs, builds, lints, type-checks and runs every test. The last line is `N passed, N failed`, the total of
 * all runners, in which the build, the lint, the type check and the search for unused code count as one test each. With `--mpi` ranks are also
 * tested under the MPI libraries of this machine, as continuous integration does.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runNodeTests } from "./node-tests.mjs";
import { checkRust } from "./rust.mjs";
import { addCounts, countCheck, countPrinted, countVitest, formatTotal } from "./test-counts.mjs";
import { install, root, runNode, turbo } from "./workspace.mjs";

/** Tasks that check the types of all packages, and of the page. */
const TYPES = ["build:types", "typecheck:page"];

const counts = [];
const check = async (name, run) => {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const count = await run();
  counts.push(count);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`== ${name}: ${formatTotal([count])}, ${seconds} s`);
  return count.failed === 0;
};

async function lint() {
  const { code } = await runNode(["node_modules/@biomejs/biome/bin/biome", "check", "."]);
  return countCheck(code === 0);
}

/** Files, exports and dependencies that nothing uses. */
async function unused() {
  const { code } = await runNode(["node_modules/knip/bin/knip.js", "--no-progress"]);
  return countCheck(code === 0);
}

async function vitest(outputs) {
  const file = join(outputs, "vitest.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code } = await runNode(["node_modules/vitest/vitest.mjs", "run", ...reporters]);
  return countVitest(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined, code);
}

/** Ranks under MPI, one test file after the other: their processes share the cores. */
async function mpi(outputs) {
  const file = join(outputs, "mpi.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code } = await runNode(
    ["node_modules/vitest/vitest.mjs", "run", "mpi.test.ts", "--maxWorkers=1", ...reporters],
    {
      env: { MEGATRON_TEST_MPI: "1" },
    },
  );
  return countVitest(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined, code);
}

/** Tests of the scripts, and of the rules that the tree is held to. */
const scripts = () =>
  runNodeTests(
    readdirSync(join(root, "scripts"))
      .filter((name) => name.endsWith(".test.mjs"))
      .map((name) => join("scripts", name)),
  );

/** Our exports in transformers. Says in one line that it did not run without PEER_PYTHON. */
async function exchange() {
  const { code, stdout } = await runNode(["fixtures/exchange/check.mjs"], { capture: true });
  console.log(stdout.trimEnd());
  return process.env.PEER_PYTHON ? countPrinted(stdout, code) : addCounts([]);
}

const outputs = mkdtempSync(join(tmpdir(), "megatron-test-"));
try {
  const installed = await check("install", async () => countCheck(await install()));
  if (installed) {
    // Types are checked meanwhile, on one core, so that `types` only says how that ended.
    await check("build", async () => countCheck(await turbo("build", ...TYPES, "--continue")));
    await check("types", async () => countCheck(await turbo(...TYPES)));
    // Cargo leaves cores idle while it compiles one crate, or links.
    const rust = check("rust", checkRust);
    await check("lint", lint);
    await check("unused", unused);
    await check("scripts", scripts);
    await rust;
    await check("packages", () => vitest(outputs));
    if (process.argv.includes("--mpi")) await check("mpi", () => mpi(outputs));
    await check("exports in transformers", exchange);
  }
} finally {
  rmSync(outputs, { recursive: true, force: true });
}
console.log(`\n${formatTotal(counts)}`);
process.exitCode = counts.every(({ failed }) => failed === 0) ? 0 : 1;
