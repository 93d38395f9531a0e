import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRank } from "../../parallel/src/testing/build-rank.ts";
import { loadCheckpoint } from "./load-checkpoint.ts";
import { saveInBackground } from "./save-in-background.ts";

const place = mkdtempSync(join(tmpdir(), "megatron-background-test-"));
let built: Awaited<ReturnType<typeof buildRank>>;
beforeAll(async () => {
  built = await buildRank(new URL("./save-worker.ts", import.meta.url));
});
afterAll(() => {
  built.remove();
  rmSync(place, { recursive: true });
});

const content = (values: Float32Array) => ({
  ...{ step: 7, consumedSamples: 70, model: { family: "gpt" }, heldOutLoss: 1.5 },
  groups: {
    weights: [{ name: "w", dtype: "F32" as const, shape: [3], bytes: () => new Uint8Array(values.slice().buffer) }],
    optimizer: [
      { name: "first.w", dtype: "F32" as const, shape: [3], bytes: () => new Uint8Array(values.slice().buffer) },
    ],
  },
  extraFiles: { "recipe.yaml": Buffer.from("a: 1\n") },
});

describe("saveInBackground", () => {
  it("writes the bytes of the moment of the call, whatever they become later", async () => {
    const directory = join(place, "a");
    const values = Float32Array.of(1, 2, 3);
    const { finish, isDone } = saveInBackground({ directory, ...content(values) }, { worker: built.file });
    values.fill(9);
    expect(readdirSync(place)).toEqual([expect.stringMatching(/^\.tmp-/)]);
    await finish();
    expect(isDone()).toBe(true);
    expect(readdirSync(place)).toEqual(["a"]);
    const { manifest, weights, optimizer, readFile, close } = loadCheckpoint(directory);
    expect(manifest).toMatchObject({ step: 7, heldOutLoss: 1.5 });
    for (const bytes of [weights.read("w"), optimizer!.read("first.w")]) {
      expect([...new Float32Array(bytes.buffer)]).toEqual([1, 2, 3]);
    }
    expect(Buffer.from(readFile("recipe.yaml")).toString()).toBe("a: 1\n");
    expect([...values]).toEqual([9, 9, 9]);
    close();
  });

  it("rejects where it cannot save, and where its thread ends", async () => {
    const directory = join(place, "occupied");
    writeFileSync(directory, "a file");
    const save = (target: string) =>
      saveInBackground({ directory: target, ...content(Float32Array.of(1, 2, 3)) }, { worker: built.file });
    expect(() => save(directory)).toThrow(expect.objectContaining({ name: "CheckpointError", userError: true }));
    const abandoned = save(join(place, "b"));
    abandoned.abandon();
    await expect(abandoned.finish()).rejects.toMatchObject({ name: "CheckpointError", userError: false });
  });
});
