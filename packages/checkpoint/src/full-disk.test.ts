/** A full disk is reported, is not the user's mistake, and leaves the last good checkpoint loadable. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadCheckpoint } from "./load-checkpoint.ts";
import { checkpointDirectory, latestCheckpoint } from "./run-directory.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";

const place = mkdtempSync(join(tmpdir(), "megatron-full-disk-"));

/** Mounts a disk of one MiB, or says why not. */
function mountSmallDisk(): string | undefined {
  if (process.platform !== "linux") return "needs Linux's tmpfs";
  if (process.getuid?.() !== 0) return "needs root, to mount a tmpfs";
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", place], { encoding: "utf8" });
  return status === 0 ? undefined : `mount refused: ${stderr?.trim()}`;
}
const reason = mountSmallDisk();
afterAll(() => {
  if (reason === undefined) expect(spawnSync("umount", [place]).status).toBe(0);
  rmSync(place, { recursive: true });
});

const save = (run: string, step: number, options: { size: number; write?: typeof writeSync }) =>
  saveCheckpoint({
    directory: checkpointDirectory(run, step),
    step,
    consumedSamples: step,
    model: {},
    groups: {
      weights: [
        { name: "w", dtype: "U8", shape: [options.size], bytes: () => new Uint8Array(options.size).fill(step) },
      ],
    },
    write: options.write,
  });

const diskFull = (directory: string) => ({
  name: "CheckpointError",
  message: expect.stringMatching(new RegExp(`${directory}: .*ENOSPC`)),
  userError: false,
});

/** Reads and verifies the newest checkpoint's one tensor; its length in bytes. */
function sizeOfLatest(run: string): number {
  const { manifest, weights, close } = loadCheckpoint(latestCheckpoint(run)!.directory);
  const bytes = weights.read("w");
  close();
  expect(bytes.every((byte) => byte === manifest.step)).toBe(true);
  return bytes.length;
}

it.skipIf(reason)(`on a real disk of one MiB${reason ? ` (skipped: ${reason})` : ""}`, async () => {
  const run = join(place, "run");
  await save(run, 1, { size: 400_000 });
  await expect(save(run, 2, { size: 900_000 })).rejects.toMatchObject(diskFull(checkpointDirectory(run, 2)));
  expect(readdirSync(run)).toEqual(["step-00000001"]);
  expect(sizeOfLatest(run)).toBe(400_000);
  // The failed attempt gave its space back, and an exchange of the only checkpoint fails as safely.
  expect(statfsSync(place).bfree * statfsSync(place).bsize).toBeGreaterThan(500_000);
  await expect(save(run, 1, { size: 900_000 })).rejects.toMatchObject(diskFull(checkpointDirectory(run, 1)));
  expect(sizeOfLatest(run)).toBe(400_000);
  await save(run, 2, { size: 300_000 });
  expect(sizeOfLatest(run)).toBe(300_000);
});

it("at any write, simulated", async () => {
  const run = mkdtempSync(join(tmpdir(), "megatron-full-disk-"));
  await save(run, 1, { size: 1000 });
  /** Accepts `room` writes, then fails. */
  function disk(room: number) {
    let left = room;
    return ((descriptor: number, bytes: Uint8Array, offset: number, length: number) => {
      if (left-- === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      return writeSync(descriptor, bytes, offset, length);
    }) as typeof writeSync;
  }
  // A save writes a header, a tensor and a manifest.
  for (const step of [1, 2]) {
    for (const room of [0, 1, 2]) {
      const attempt = save(run, step, { size: 2000, write: disk(room) });
      await expect(attempt).rejects.toMatchObject(diskFull(checkpointDirectory(run, step)));
      expect(readdirSync(run)).toEqual(["step-00000001"]);
      expect(sizeOfLatest(run)).toBe(1000);
    }
  }
  await save(run, 2, { size: 2000, write: disk(3) });
  expect(sizeOfLatest(run)).toBe(2000);
  rmSync(run, { recursive: true });
});
