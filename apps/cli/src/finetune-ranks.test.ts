/** Fine-tuning with ranks from the command line: on threads as alone, and splits that cannot be. Needs `dist/`, which `npm test` builds. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { megatron } from "./testing/megatron.ts";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path } = sandbox;
let train: string;
beforeAll(async () => {
  await prepareCorpus(sandbox);
  expect((await megatron("pretrain", sandbox.recipe("recipe.yaml", "runs/a"), "--train.steps", "2")).code).toBe(0);
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${i % 2 ? "whale" : "ship"} ${i % 8},${i % 2 ? "animal" : "thing"}`,
  );
  train = sandbox.file("train.csv", `text,label\n${rows.join("\n")}\n`);
});
afterAll(sandbox.remove);

const options = (run: string, ...more: string[]) => [
  ...["finetune", path("runs/a"), "--task", "classification", "--data", train, "--output", path(run)],
  ...["--train.steps", "4", "--batch-size", "8", ...more],
];

/** Runs the built program: threads of a test's process would load sources. */
function built(argv: readonly string[]): Record<string, unknown> {
  const program = fileURLToPath(new URL("../bin/megatron.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv, "--json"], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe("megatron finetune", () => {
  it.runIf(existsSync(new URL("../dist/rank.js", import.meta.url)))("ends on two threads as alone", () => {
    const found = built(options("runs/ranks", "--parallel.data", "2"));
    const { reason, step, best } = built(options("runs/alone", "--train.microBatchSize", "4"));
    expect({ reason, step }).toEqual({ reason: "completed", step: 4 });
    expect(found).toMatchObject({ reason, step, best });
  });

  it.each([
    [["--parallel.data", "3"], /^error: .*train\.batchSize: .*parallel\.data \(3\); got 8\n$/m],
    [["--parallel.pipeline", "2"], /^error: .*parallel\.pipeline: expected 1: .*; got 2\n$/m],
  ])("refuses %j in one line", async (split, message) => {
    const { code, stdout, stderr } = await megatron(...options("runs/refused", ...split));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(path("runs/refused"))).toBe(false);
  });
});
