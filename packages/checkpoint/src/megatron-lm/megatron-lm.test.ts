import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { createModel, gpt2Names } from "@megatron-ts/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readForeignWeight } from "../foreign-weights.ts";
import { bfloat16ToFloat, halfToFloat } from "../narrow-floats.ts";
import { openSafetensors } from "../safetensors.ts";
import { openMegatronCheckpoint } from "./megatron-lm.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "megatron-lm-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

describe("openMegatronCheckpoint", () => {
  it.each(["version-0", "version-1", "tensor-2-pipeline-2"])(
    "reads the weights of %s whole, in our order",
    async (name) => {
      const checkpoint = await openMegatronCheckpoint(fixture(`megatron-lm/${name}`));
      expect(checkpoint.iteration).toBe(100);
      expect(checkpoint.config).toMatchObject({
        numLayers: 2,
        hiddenSize: 32,
        numHeads: 4,
        vocabularySize: 102,
        maxPositions: 24,
      });
      const model = createModel(checkpoint.config, { weights: { source: checkpoint.source } });
      checkpoint.close();
      const reference = openSafetensors(fixture("gpt2/model.safetensors"));
      for (const [ours, foreign] of gpt2Names({ numLayers: 2 })) {
        const { values } = readForeignWeight(reference, foreign);
        const read = model.parameters.get(ours)!.tensor.dataSync();
        // Megatron's table has a row of padding behind the vocabulary.
        expect(read.slice(0, values.length), ours).toEqual(values);
        expect([...read.slice(values.length)].every((value) => value === 0)).toBe(true);
      }
      reference.close();
      model.dispose();
    },
  );

  it("refuses code by its name, and runs none", async () => {
    await expect(openMegatronCheckpoint(fixture("megatron-lm/hostile"))).rejects.toThrow(
      /refused: it asks for posix\.system/,
    );
  });

  it("says what is missing or damaged", async () => {
    const copy = (name: string) => {
      cpSync(fixture("megatron-lm/tensor-2-pipeline-2"), join(directory, name), { recursive: true });
      return join(directory, name);
    };
    const missing = copy("missing");
    rmSync(join(missing, "iter_0000100/mp_rank_01_001"), { recursive: true });
    await expect(openMegatronCheckpoint(missing)).rejects.toThrow("lacks the file of tensor rank 1, pipeline rank 1");
    const truncated = copy("truncated");
    truncateSync(join(truncated, "iter_0000100/mp_rank_00_000/model_optim_rng.pt"), 5000);
    await expect(openMegatronCheckpoint(truncated)).rejects.toThrow(
      /model_optim_rng.pt is not a zip file of torch.save/,
    );
    const other = copy("other");
    writeFileSync(join(other, "iter_0000100/mp_rank_00_000/model_optim_rng.pt"), "not a checkpoint");
    await expect(openMegatronCheckpoint(other)).rejects.toThrow(/is not a zip file of torch.save/);
    await expect(openMegatronCheckpoint(directory)).rejects.toThrow(
      "holds neither mp_rank_* nor latest_checkpointed_iteration.txt",
    );
  });
});

describe("narrow floats", () => {
  it("are widened exactly", () => {
    expect([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000].map(halfToFloat)).toEqual([
      1,
      -2,
      2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
    expect([0x3f80, 0xc000, 0x7f80, 0x0001].map(bfloat16ToFloat)).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });
});
