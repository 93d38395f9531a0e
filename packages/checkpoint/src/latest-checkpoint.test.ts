/** Reading the newest checkpoint of a run while it saves and deletes: MEGATRON_READS=2000 reads longer. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadLatestCheckpoint } from "./latest-checkpoint.ts";
import { checkpointDirectory } from "./run-directory.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import { checkpointContent } from "./testing/crash-content.ts";

const READS = Number(process.env.MEGATRON_READS ?? 60);

const place = mkdtempSync(join(tmpdir(), "megatron-latest-"));
const bundle = join(place, "crash.child.mjs");

beforeAll(async () => {
  const entry = fileURLToPath(new URL("./testing/crash.child.ts", import.meta.url));
  const conditions = ["@megatron-ts/source"];
  await build({ entryPoints: [entry], outfile: bundle, bundle: true, conditions, platform: "node", format: "esm" });
});
afterAll(() => rmSync(place, { recursive: true }));

/** Every byte of an open checkpoint is of one save. */
function expectWhole({ manifest, weights, optimizer, readFile }: ReturnType<typeof loadLatestCheckpoint>): void {
  const { groups, extraFiles } = checkpointContent(manifest.step, 1);
  for (const entry of groups.weights) expect(Buffer.from(entry.bytes()).equals(weights.read(entry.name))).toBe(true);
  for (const entry of groups.optimizer!) {
    expect(Buffer.from(entry.bytes()).equals(optimizer!.read(entry.name))).toBe(true);
  }
  expect(readFile("recipe.yaml")).toEqual(new Uint8Array(extraFiles!["recipe.yaml"]!));
}

describe("loadLatestCheckpoint", () => {
  it("reads whole checkpoints while a run deletes all but the newest", async () => {
    const run = join(place, "training");
    mkdirSync(run);
    const writer = spawn(process.execPath, [bundle, run, "newest"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await new Promise((resolve) => writer.stdout.once("data", resolve));
      const steps = new Set<number>();
      for (let read = 0; read < READS; read++) {
        const checkpoint = loadLatestCheckpoint(run);
        expectWhole(checkpoint);
        steps.add(checkpoint.manifest.step);
        checkpoint.close();
      }
      expect(steps.size).toBeGreaterThan(READS / 30);
    } finally {
      writer.kill("SIGKILL");
    }
  });

  it.skipIf(process.platform === "win32")("reads to the end what is deleted after it was opened", async () => {
    const run = join(place, "deleted");
    const directory = checkpointDirectory(run, 7);
    await saveCheckpoint({ directory, ...checkpointContent(7, 1) });
    const checkpoint = loadLatestCheckpoint(run);
    renameSync(directory, join(place, "doomed"));
    rmSync(join(place, "doomed"), { recursive: true });
    expectWhole(checkpoint);
    checkpoint.close();
    expect(() => checkpoint.weights.read("b")).toThrow("was closed");
  });
});
