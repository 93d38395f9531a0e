/**
 * Model directories that fixtures/hugging-face/mutate.py writes with transformers, one field or tensor of each changed:
 * every one must load and agree with transformers, or be refused with a message for users. Needs PEER_PYTHON.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { type HuggingFaceConfig, readHuggingFaceConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../adapter/load-model.ts";
import { openSafetensors } from "../safetensors.ts";
import { outputsOf } from "../testing/reference-outputs.ts";
import { importHuggingFace } from "./import-hugging-face.ts";

const python = process.env.PEER_PYTHON;
const script = fileURLToPath(new URL("../../../../fixtures/hugging-face/mutate.py", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "megatron-mutations-test-"));

interface Case {
  /** Null if transformers itself cannot load it. */
  directory: string | null;
  name: string;
  config: HuggingFaceConfig;
}

/** The largest difference of any output, relative to the largest expected value. Infinity for other shapes. */
async function distance(directory: string): Promise<number> {
  await importHuggingFace(directory, join(directory, "checkpoint"));
  const { model, checkpoint } = loadModel(join(directory, "checkpoint"));
  const golden = openSafetensors(join(directory, "golden.safetensors"));
  try {
    return tf.tidy(() => {
      const outputs = outputsOf(model);
      const distances = golden.names.map((name) => {
        const expected = new Float32Array(golden.read(name).buffer);
        const actual = outputs(name).dataSync();
        if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
        const most = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i]! - value)), 0) / most;
      });
      return Math.max(...distances);
    });
  } finally {
    golden.close();
    checkpoint.close();
    model.dispose();
  }
}

describe.skipIf(!python)("changed models, against transformers (PEER_PYTHON)", () => {
  beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("load and agree, or are refused", { timeout: 1_800_000 }, async () => {
    const families = process.env.MUTATE?.split(" ") ?? [];
    const run = spawnSync(python!, [script, root, ...families], { encoding: "utf8", maxBuffer: 2 ** 26 });
    expect(run.status, run.stderr).toBe(0);
    const cases = JSON.parse(readFileSync(join(root, "cases.json"), "utf8")) as Case[];
    const counts = { tried: 0, right: 0, refused: 0, wrong: 0, unloadable: 0 };
    const wrong: string[] = [];
    for (const { directory, name, config } of cases) {
      counts.tried++;
      try {
        if (directory === null) {
          counts.unloadable++;
          readHuggingFaceConfig(config);
          continue;
        }
        const off = await distance(join(root, directory));
        if (off < 1e-4) counts.right++;
        else {
          counts.wrong++;
          wrong.push(`${name}: off by ${off}`);
        }
      } catch (error) {
        const { userError, message } = error as { userError?: boolean; message: string };
        if (userError && directory) counts.refused++;
        if (process.env.MUTATE_VERBOSE && directory) console.log(`${name} | ${message.slice(0, 200)}`);
        if (!userError) wrong.push(`${name}: ${(error as Error).stack}`);
      }
    }
    console.log(run.stdout.trim(), JSON.stringify(counts));
    expect(wrong).toEqual([]);
  });
});
