/** Saving and loading, and everything that can be wrong with the files in between. */
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { alone, type SavingRanks } from "./agreement.ts";
import { loadCheckpoint, verifyCheckpoint } from "./load-checkpoint.ts";
import { encodeManifest, readManifest } from "./manifest.ts";
import { checkpointDirectory, latestIntactCheckpoint, listRetainedCheckpoints } from "./run-directory.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";
import { type SaveCheckpointOptions, saveCheckpoint } from "./save-checkpoint.ts";
import type { TensorEntry } from "./tensor-entry.ts";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "megatron-checkpoint-"));
});
afterEach(() => rmSync(run, { recursive: true }));

const floats = (name: string, shape: number[], first: number): TensorEntry => ({
  name,
  dtype: "F32",
  shape,
  bytes: () => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i / 8);
    return new Uint8Array(values.buffer);
  },
});
const weights = [floats("embedding.weight", [5, 4], 1), floats("layers.0.bias", [4], 2), floats("head", [3, 2], 3)];
const optimizer = [floats("embedding.weight/m", [5, 4], 4), floats("embedding.weight/v", [5, 4], 5)];

const save = (directory: string, change: Partial<SaveCheckpointOptions> = {}): Promise<void> =>
  saveCheckpoint({
    directory,
    step: 200,
    consumedSamples: 3200,
    model: { family: "gpt" },
    tokenizerFingerprint: "abc",
    heldOutLoss: 2.5,
    training: { plateau: { bad: 1 } },
    groups: { weights, optimizer },
    extraFiles: { "recipe.yaml": Buffer.from("train: {}\n") },
    ...change,
  });

/** As an earlier rank of two; `tell` is what the other says in its place. */
const twoRanks = (tell: (text: string) => string): SavingRanks => ({
  ...alone,
  size: 2,
  gatherText: (text) => [text, tell(text)],
});

const valuesOf = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.buffer, 0, bytes.length / 4)];

describe("a checkpoint of two ranks", () => {
  it("is not saved where a rank failed, or wrote to another file system, and leaves nothing", async () => {
    const directory = join(run, "step");
    const failed = twoRanks((text) =>
      text.includes("workplace")
        ? text
        : JSON.stringify({ failure: { message: "rank 1: disk full", userError: false } }),
    );
    await expect(save(directory, { ranks: failed })).rejects.toMatchObject({
      message: "rank 1: disk full",
      userError: false,
    });
    const elsewhere = twoRanks((text) => text.replaceAll("weights-00001-of-00002", "weights-00002-of-00002"));
    await expect(save(directory, { ranks: elsewhere })).rejects.toThrow(
      /weights-00002-of-00002\.safetensors, which rank 1 on .* wrote, is not there .* all hosts share/,
    );
    const blind: SavingRanks = {
      ...alone,
      ...{ size: 2, rank: 1 },
      gatherText: (text) => [JSON.stringify({ result: { counts: {}, workplace: join(run, "elsewhere") } }), text],
    };
    await expect(save(directory, { ranks: blind })).rejects.toThrow(/^rank 1 on .*which rank 0 made, is not there/);
    expect(readdirSync(run)).toEqual([]);
  });
});

describe("a checkpoint", () => {
  it("loads as it was saved", async () => {
    const directory = join(run, "a", "step");
    await save(directory);
    expect(readdirSync(directory).toSorted()).toEqual([
      "manifest.json",
      "optimizer-00001-of-00001.safetensors",
      "recipe.yaml",
      "weights-00001-of-00001.safetensors",
    ]);
    const loaded = loadCheckpoint(directory);
    expect(loaded.manifest).toMatchObject({
      step: 200,
      consumedSamples: 3200,
      model: { family: "gpt" },
      tokenizerFingerprint: "abc",
      heldOutLoss: 2.5,
      training: { plateau: { bad: 1 } },
    });
    expect(loaded.weights.names).toEqual(weights.map(({ name }) => name));
    for (const entry of weights) {
      expect(loaded.weights.info(entry.name)).toEqual({ dtype: "F32", shape: entry.shape });
      expect(loaded.weights.read(entry.name)).toEqual(entry.bytes());
    }
    for (const entry of optimizer) expect(loaded.optimizer!.read(entry.name)).toEqual(entry.bytes());
    expect(Buffer.from(loaded.readFile("recipe.yaml")).toString()).toBe("train: {}\n");
    expect(() => loaded.weights.read("tail")).toThrow("tail");
    expect(() => loaded.readFile("tokenizer.json")).toThrow("tokenizer.json");
    loaded.close();
  });

  it("records every file's size and SHA-256", async () => {
    await save(join(run, "step"));
    const { files } = readManifest(join(run, "step"));
    expect(files.length).toBe(3);
    for (const { name, size, sha256 } of files) {
      const bytes = readFileSync(join(run, "step", name));
      expect({ size, sha256 }).toEqual({
        size: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      });
    }
  });

  it("splits tensors over several files, in order, each within the limit unless one tensor exceeds it", async () => {
    const directory = join(run, "step");
    await save(directory, { maxShardBytes: 40 });
    const shards = readdirSync(directory).filter((name) => name.startsWith("weights"));
    expect(shards.map((name) => openSafetensors(join(directory, name)).names)).toEqual([
      ["embedding.weight"],
      ["head", "layers.0.bias"],
    ]);
    expect(shards[1]).toBe("weights-00002-of-00002.safetensors");
    expect(readdirSync(directory)).toContain("optimizer-00002-of-00002.safetensors");
    const loaded = loadCheckpoint(directory);
    for (const entry of weights) expect(loaded.weights.read(entry.name)).toEqual(entry.bytes());
  });

  it("may contain only weights", async () => {
    await save(join(run, "step"), { groups: { weights }, heldOutLoss: undefined, training: undefined });
    const loaded = loadCheckpoint(join(run, "step"));
    expect(loaded.optimizer).toBeUndefined();
    expect(loaded.manifest.heldOutLoss).toBeNull();
    expect(loaded.weights.read("head").length).toBe(24);
  });

  it("saves a model whose evaluation failed", async () => {
    await save(join(run, "step"), { heldOutLoss: Number.NaN });
    expect(loadCheckpoint(join(run, "step")).manifest.heldOutLoss).toBeNull();
  });

  it("replaces an earlier checkpoint, and nothing else", async () => {
    const directory = join(run, "step");
    await save(directory);
    await save(directory, { step: 201 });
    expect(verifyCheckpoint(directory).step).toBe(201);
    expect(readdirSync(run)).toEqual(["step"]);
    await expect(save(run)).rejects.toThrow(`${run} exists`);
    await expect(save(join(directory, "recipe.yaml"))).rejects.toThrow("recipe.yaml exists");
  });

  it("assembles slices of several ranks", () => {
    // Two ranks hold the columns of one weight and both rows of another.
    const left = {
      name: "w",
      dtype: "F32" as const,
      shape: [2, 1],
      bytes: () => new Uint8Array(Float32Array.of(1, 4).buffer),
    };
    const right = { ...left, shape: [2, 2], bytes: () => new Uint8Array(Float32Array.of(2, 3, 5, 6).buffer) };
    const files = [left, right].map((entry, rank) => {
      const name = `weights-rank-${rank}.safetensors`;
      return { name, ...writeSafetensors(join(run, name), [entry]) };
    });
    const slices = [
      { file: files[0]!.name, origin: [0, 0], shape: [2, 1] },
      { file: files[1]!.name, origin: [0, 1], shape: [2, 2] },
    ];
    const manifest = (shape: number[], parts: typeof slices) =>
      encodeManifest({
        formatVersion: 1,
        step: 1,
        consumedSamples: 1,
        model: {},
        tokenizerFingerprint: null,
        heldOutLoss: null,
        training: {},
        groups: { weights: { tensors: [{ name: "w", dtype: "F32", shape, slices: parts }] } },
        files,
      });
    writeFileSync(join(run, "manifest.json"), manifest([2, 3], slices));
    expect(valuesOf(loadCheckpoint(run).weights.read("w"))).toEqual([1, 2, 3, 4, 5, 6]);
    writeFileSync(join(run, "manifest.json"), manifest([3, 1], [{ ...slices[0]!, shape: [3, 1] }]));
    expect(() => loadCheckpoint(run).weights.read("w")).toThrow(
      /weights-rank-0.safetensors: .*"w".*\[2, 1\].*\[3, 1\]/,
    );
  });

  it("rejects extra files that would hide others", async () => {
    for (const name of ["manifest.json", "../x", "a/b", ".hidden", "weights-00001-of-00001.safetensors"]) {
      const extraFiles = { [name]: Buffer.from("x") };
      await expect(save(join(run, "step"), { extraFiles })).rejects.toThrow(`named "${name}"`);
    }
    expect(readdirSync(run)).toEqual([]);
  });

  it("rejects two tensors with the same name, even in different files", async () => {
    const twice = [weights[0]!, weights[1]!, weights[0]!];
    await expect(save(join(run, "step"), { groups: { weights: twice }, maxShardBytes: 1 })).rejects.toThrow(
      "embedding.weight",
    );
    expect(readdirSync(run)).toEqual([]);
  });
});

describe("a damaged checkpoint is reported in one line", () => {
  const userError = (message: RegExp) =>
    expect.objectContaining({ name: "CheckpointError", message: expect.stringMatching(message), userError: true });
  /** Reads all of it, as a resuming run does. */
  function loadAll(directory: string): void {
    const loaded = loadCheckpoint(directory);
    try {
      for (const reader of [loaded.weights, loaded.optimizer!]) for (const name of reader.names) reader.read(name);
      loaded.readFile("recipe.yaml");
    } finally {
      loaded.close();
    }
  }

  it("for any flipped bit, anywhere", async () => {
    await save(join(run, "good"));
    loadAll(join(run, "good"));
    const directory = join(run, "bad");
    cpSync(join(run, "good"), directory, { recursive: true });
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const good = readFileSync(path);
      // manifest.test.ts flips every bit of the manifest itself.
      const stride = name === "manifest.json" ? 41 : 3;
      for (let at = 0; at < good.length; at += stride) {
        const bad = Buffer.from(good);
        bad[at]! ^= 1 << (at % 8);
        writeFileSync(path, bad);
        expect(() => loadAll(directory)).toThrow(userError(new RegExp(`^${path} (is damaged|has format)[^\n]*$`)));
        if (at % 8 === 0) expect(() => verifyCheckpoint(directory)).toThrow(userError(/damaged|has format/));
      }
      writeFileSync(path, good);
    }
    loadAll(directory);
  });

  it("for a truncated, extended or missing file", async () => {
    for (const name of ["weights-00001-of-00001.safetensors", "optimizer-00001-of-00001.safetensors", "recipe.yaml"]) {
      const directory = join(run, name);
      await save(directory);
      const path = join(directory, name);
      const size = readFileSync(path).length;
      writeFileSync(path, "x", { flag: "a" });
      expect(() => loadCheckpoint(directory)).toThrow(userError(new RegExp(`damaged.* ${size + 1} .* ${size}`)));
      truncateSync(path, size - 1);
      expect(() => loadCheckpoint(directory)).toThrow(userError(new RegExp(`truncated.* ${size - 1} .* ${size}`)));
      rmSync(path);
      expect(() => loadCheckpoint(directory)).toThrow(userError(/ is missing/));
    }
  });

  it("for a directory that is missing or has no manifest", () => {
    expect(() => loadCheckpoint(run)).toThrow(userError(/not a checkpoint.*manifest.json.*ENOENT/));
    expect(() => loadCheckpoint(join(run, "none"))).toThrow(userError(/none /));
  });
});

describe("a run with a damaged checkpoint", () => {
  it("has an earlier one to resume from, and can still decide what to keep", async () => {
    for (const step of [1, 2, 3]) await save(checkpointDirectory(run, step), { step, heldOutLoss: step });
    const [first, second, third] = [1, 2, 3].map((step) => checkpointDirectory(run, step)) as [string, string, string];
    const weightsFile = join(third, "weights-00001-of-00001.safetensors");
    const bytes = readFileSync(weightsFile);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weightsFile, bytes);
    expect(latestIntactCheckpoint(run)).toMatchObject({
      checkpoint: { step: 2, directory: second },
      damaged: [{ step: 3, directory: third, reason: expect.stringContaining(weightsFile) }],
    });
    writeFileSync(join(first, "manifest.json"), "{}");
    expect(listRetainedCheckpoints(run).map(({ step, heldOutLoss }) => [step, heldOutLoss])).toEqual([
      [1, null],
      [2, 2],
      [3, 3],
    ]);
    rmSync(second, { recursive: true });
    expect(() => latestIntactCheckpoint(run)).toThrow(weightsFile);
    expect(latestIntactCheckpoint(join(run, "none"))).toEqual({ checkpoint: undefined, damaged: [] });
  });
});
