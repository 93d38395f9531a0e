import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { checkpointDirectory, loadCheckpoint, saveCheckpoint, weightsFingerprint } from "@megatron-ts/checkpoint";
import { createModel, modelConfigSchema } from "@megatron-ts/model";
import { fromSeed } from "@megatron-ts/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { megatron, megatronJson } from "./testing/megatron.ts";
import { createSandbox } from "./testing/sandbox.ts";

const sandbox = createSandbox();
const { path } = sandbox;
afterAll(sandbox.remove);

const config = modelConfigSchema.parse({
  ...{ family: "gpt", numLayers: 1, hiddenSize: 4, numHeads: 1, maxPositions: 4, vocabularySize: 8 },
});

/** Saves a checkpoint of ones whose weights `change` may replace. */
async function save(run: string, step: number, change: (name: string, values: Float32Array) => Float32Array | null) {
  const shapes: [string, readonly number[]][] = [];
  const source = fromSeed(1);
  const model = createModel(config, {
    weights: {
      source: (declaration) => {
        shapes.push([declaration.name, declaration.globalShape]);
        return source(declaration);
      },
    },
  });
  model.dispose();
  const directory = checkpointDirectory(path(run), step);
  await saveCheckpoint({
    ...{ directory, step, consumedSamples: 0, model: { ...config } },
    maxShardBytes: 256,
    groups: {
      weights: shapes.flatMap(([name, shape]) => {
        const values = change(name, new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1));
        if (!values) return [];
        return [{ name, dtype: "F32" as const, shape, bytes: () => new Uint8Array(values.buffer) }];
      }),
    },
  });
  return directory;
}

const verify = (name: string) => megatron("checkpoint", "verify", path(name));

describe("megatron checkpoint verify", () => {
  it("says what intact checkpoints hold", async () => {
    for (const step of [1, 2]) await save("intact", step, (_, values) => values);
    const { code, stdout } = await verify("intact");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toEqual(
      Array(2).fill(expect.stringMatching(/step-0000000\d: intact \(\d+ files, /)),
    );
    const { checkpoints } = await megatronJson<{ checkpoints: object[] }>(
      ...["checkpoint", "verify", path("intact/step-00000002")],
    );
    expect(checkpoints).toEqual([expect.objectContaining({ step: 2, fault: null })]);
  });

  it.each<[string, (name: string, values: Float32Array) => Float32Array | null, RegExp]>([
    [
      "NaN",
      (name, values) => (name === "finalNorm.weight" ? values.fill(Number.NaN, 2, 3) : values),
      /finalNorm\.weight has NaN at index 2/,
    ],
    [
      "an infinite value",
      (name, values) => (name === "finalNorm.bias" ? values.fill(-Infinity) : values),
      /finalNorm\.bias has -Infinity/,
    ],
    [
      "a weight that is missing",
      (name, values) => (name === "finalNorm.bias" ? null : values),
      /finalNorm\.bias of its model is missing/,
    ],
  ])("finds %s", async (name, change, message) => {
    await save(name, 1, change);
    const { code, stderr } = await verify(name);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("finds a shard that is missing, and one with another bit, and counts them", async () => {
    const [first, second] = [await save("damaged", 1, (_, v) => v), await save("damaged", 2, (_, v) => v)];
    await save("damaged", 3, (_, values) => values);
    const shard = (directory: string) =>
      `${directory}/${(JSON.parse(readFileSync(`${directory}/manifest.json`, "utf8")) as { files: { name: string }[] }).files[1]!.name}`;
    const bytes = readFileSync(shard(second));
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(shard(second), bytes);
    rmSync(shard(first));
    const { code, stdout, stderr } = await verify("damaged");
    expect(code).toBe(2);
    expect(stdout).toMatch(/^\S+step-00000003: intact [^\n]+\n$/);
    expect(stderr).toMatch(/step-00000001\/weights-00002.*\(2 of 3 checkpoints have faults\)/);
  });

  it("refuses what is no checkpoint", async () => {
    expect(await verify("nowhere")).toMatchObject({ code: 2 });
  });
});

describe("megatron checkpoint reshard", () => {
  it("writes the same tensors to other files, and refuses a directory that exists", async () => {
    const original = await save("split", 1, (_, values) => values.fill(3));
    const { filesBefore, filesAfter } = await megatronJson<{ filesBefore: number; filesAfter: number }>(
      ...["checkpoint", "reshard", path("split"), path("one")],
    );
    expect(filesBefore).toBeGreaterThan(1);
    expect(filesAfter).toBe(1);
    const [before, after] = [loadCheckpoint(original), loadCheckpoint(path("one"))];
    expect(after.weights.names).toEqual(before.weights.names);
    for (const name of before.weights.names) expect(after.weights.read(name)).toEqual(before.weights.read(name));
    expect(after.manifest).toMatchObject({ step: 1, model: before.manifest.model });
    // Adapters for the one are adapters for the other.
    expect(weightsFingerprint(after)).toBe(weightsFingerprint(before));
    before.close();
    after.close();
    expect(await megatron("checkpoint", "reshard", path("split"), path("one"))).toMatchObject({ code: 2 });
  });
});
