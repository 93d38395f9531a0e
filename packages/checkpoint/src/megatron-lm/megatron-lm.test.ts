import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { createModel, gpt2Format } from "@megatron-ts/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readForeignWeight } from "../foreign-weights.ts";
import { bfloat16ToFloat, halfToFloat } from "../narrow-floats.ts";
import { openSafetensors } from "../safetensors.ts";
import { describeMegatronCheckpoint, familyOf } from "./describe.ts";
import { openMegatronCheckpoint } from "./megatron-lm.ts";
import { splitOf } from "./names.ts";

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
      for (const [ours, foreign] of gpt2Format.names(model.config)) {
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
    function copy(name: string) {
      cpSync(fixture("megatron-lm/tensor-2-pipeline-2"), join(directory, name), { recursive: true });
      return join(directory, name);
    }
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

describe("tensors that do not fit", () => {
  /** A checkpoint with one of its tensors under another name of the same length. */
  function renamed(name: string): string {
    const copy = join(directory, `renamed-${name}`);
    cpSync(fixture("megatron-lm/version-0"), copy, { recursive: true });
    const file = join(copy, "iter_0000100/mp_rank_00/model_optim_rng.pt");
    const bytes = readFileSync(file);
    bytes.write(name, bytes.indexOf("layers.1.input_layernorm.weight"));
    writeFileSync(file, bytes);
    return copy;
  }

  it("are told by both names", async () => {
    await expect(openMegatronCheckpoint(renamed("layers.1.input_layernorm.WEIGHT"))).rejects.toThrow(
      /is no GPT as it is imported:\n {2}missing: layers\.1\.input_layernorm\.weight \(our layers\.1\.attentionNorm\.weight\)\n {2}extra: layers\.1\.input_layernorm\.WEIGHT \[32\] has no place in this model$/,
    );
  });

  it("are another family's", async () => {
    await expect(openMegatronCheckpoint(renamed("language.pooler.dense.of.weight"))).rejects.toThrow(
      "is a BERT of Megatron-LM: of its checkpoints, GPT's are imported",
    );
  });
});

describe("describeMegatronCheckpoint", () => {
  it.each(["version-0", "tensor-2-pipeline-2"])(
    "tells the whole tensors of %s, the layers counted through",
    async (name) => {
      const { tensors, ...described } = await describeMegatronCheckpoint(fixture(`megatron-lm/${name}`));
      const ranks = name === "version-0" ? 1 : 2;
      expect(described).toEqual({
        family: "gpt",
        iteration: 100,
        checkpointVersion: ranks === 1 ? 0 : 3,
        split: { tensor: ranks, pipeline: ranks },
        sizes: { numLayers: 2, hiddenSize: 32, numHeads: 4, vocabularySize: 102 },
      });
      const stack = ranks === 1 ? "language_model.transformer" : "language_model.encoder";
      const attention = `${stack}.layers.1.${ranks === 1 ? "attention" : "self_attention"}`;
      const find = (wanted: string) => tensors.find((tensor) => tensor.name === wanted);
      expect(find(`${attention}.query_key_value.weight`)).toMatchObject({ dtype: "F32", shape: [96, 32] });
      expect(find(`${attention}.dense.weight`)).toMatchObject({ shape: [32, 32] });
      expect(find(`${stack}.layers.0.mlp.dense_4h_to_h.weight`)).toMatchObject({ shape: [32, 128] });
      expect(find(`${stack}.final_layernorm.bias`)).toMatchObject({ shape: [32] });
      expect(tensors).toHaveLength(2 * 12 + 4);
    },
  );

  it("refuses code by its name", async () => {
    await expect(describeMegatronCheckpoint(fixture("megatron-lm/hostile"))).rejects.toThrow(
      /refused: it asks for posix\.system/,
    );
  });

  it("tells families by their tensors", () => {
    expect(familyOf(["language_model.encoder.layers.0.self_attention.dense.weight"])).toBe("gpt");
    expect(familyOf(["language_model.embedding.tokentype_embeddings.weight"])).toBe("bert");
    expect(familyOf(["lm_head.dense.weight", "binary_head.weight"])).toBe("bert");
    expect(familyOf(["language_model.decoder.layers.0.inter_attention.query.weight", "lm_head.bias"])).toBe("t5");
  });

  it.each([
    ["language_model.embedding.word_embeddings.weight", 0],
    ["decoder.layers.0.self_attention.linear_qkv.weight", 0],
    ["decoder.layers.0.self_attention.linear_qkv.layer_norm_weight", null],
    ["decoder.layers.3.inter_attention.key_value.bias", 0],
    ["decoder.layers.3.inter_attention.dense.weight", 1],
    ["decoder.layers.3.inter_attention.dense.bias", null],
    ["decoder.layers.0.mlp.linear_fc2.weight", 1],
    ["lm_head.dense.weight", null],
    ["lm_head.bias", 0],
  ])("knows how %s is split", (name, dim) => {
    expect(splitOf(name)).toBe(dim);
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
