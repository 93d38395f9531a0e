/** kill -9 at any moment, even during a save, leaves a checkpoint that loads. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadCheckpoint, verifyCheckpoint } from "./load-checkpoint.ts";
import { checkpointDirectory, latestCheckpoint, listCheckpoints } from "./run-directory.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import { checkpointContent } from "./testing/crash-content.ts";

const place = mkdtempSync(join(tmpdir(), "megatron-crash-"));
const bundle = join(place, "crash.child.mjs");

beforeAll(async () => {
  const entry = fileURLToPath(new URL("./testing/crash.child.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    conditions: ["@megatron-ts/source"],
    platform: "node",
    format: "esm",
    target: "node20",
  });
});
afterAll(() => rmSync(place, { recursive: true }));

/** Starts the child. Resolves, when it is gone, to what it printed and how it went. */
const runChild = (values: string[], onPrint: (kill: () => void) => void = () => undefined) =>
  new Promise<{ printed: string; signal: string | null; code: number | null; errors: string }>((done) => {
    const child = spawn(process.execPath, [bundle, ...values]);
    let printed = "";
    let errors = "";
    child.stdout.on("data", (text) => {
      printed += text;
      onPrint(() => child.kill("SIGKILL"));
    });
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("close", (code, signal) => done({ printed, signal, code, errors }));
  });

/** Which save the checkpoint is, after comparing every byte with it. */
function identify(directory: string): { step: number; edition: number } {
  const loaded = loadCheckpoint(directory);
  const { step, training } = loaded.manifest;
  const edition = training.edition as number;
  const { weights, optimizer } = checkpointContent(step, edition).groups;
  for (const entry of weights) expect(Buffer.from(entry.bytes()).equals(loaded.weights.read(entry.name))).toBe(true);
  for (const entry of optimizer!) {
    expect(Buffer.from(entry.bytes()).equals(loaded.optimizer!.read(entry.name))).toBe(true);
  }
  expect(Buffer.from(loaded.readFile("recipe.yaml")).toString()).toBe(`edition: ${edition}\n`);
  loaded.close();
  return { step, edition };
}

const save = (run: string, step: number) =>
  saveCheckpoint({ directory: checkpointDirectory(run, step), ...checkpointContent(step, 1) });

it("before every single change to the file system, and half-way through every write", async () => {
  const start = join(place, "start");
  await save(start, 1);
  const seen: string[] = [];
  async function crashAt(change: number): Promise<boolean> {
    const run = join(place, `sequence-${change}`);
    cpSync(start, run, { recursive: true });
    const { signal, code, errors } = await runChild([run, "sequence", String(change)]);
    if (signal !== "SIGKILL") expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const { step, edition } = identify(latestCheckpoint(run)!.directory);
    seen[change] = `${step}.${edition}`;
    for (const { directory } of listCheckpoints(run)) verifyCheckpoint(directory);
    await save(run, 3);
    expect(identify(latestCheckpoint(run)!.directory).step).toBe(3);
    expect(readdirSync(run).filter((name) => !/^step-\d{8}$/.test(name))).toEqual([]);
    rmSync(run, { recursive: true });
    return signal === "SIGKILL";
  }
  let crashed = true;
  for (let change = 0; crashed; change += 2) {
    crashed = (await Promise.all([crashAt(change), crashAt(change + 1)])).every(Boolean);
  }
  // What loads only ever gets newer as the crash comes later, and each of the three saves was met.
  expect(seen).toEqual(seen.toSorted());
  expect(new Set(seen)).toEqual(new Set(["1.1", "2.1", "2.2"]));
  expect(seen.length).toBeGreaterThan(30);
});

it("at random moments of endless saving", async () => {
  const run = join(place, "endless");
  mkdirSync(run);
  for (let life = 0; life < 15; life++) {
    const { printed, errors } = await runChild([run, "endless"], (kill) => setTimeout(kill, Math.random() * 60));
    expect(errors).toBe("");
    const saved = Number(printed.trim().split("\n").at(-1));
    expect(identify(latestCheckpoint(run)!.directory).step).toBeGreaterThanOrEqual(saved);
    for (const { directory } of listCheckpoints(run)) verifyCheckpoint(directory);
  }
  const last = latestCheckpoint(run)!.step;
  await save(run, last + 1);
  expect(readdirSync(run).filter((name) => !/^step-\d{8}$/.test(name))).toEqual([]);
});
