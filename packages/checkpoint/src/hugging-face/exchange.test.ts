import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadModel } from "../adapter/load-model.ts";
import { readForeignWeight } from "../foreign-weights.ts";
import { loadCheckpoint } from "../load-checkpoint.ts";
import { openSafetensors, writeSafetensors } from "../safetensors.ts";
import { exportHuggingFace } from "./export-hugging-face.ts";
import { importHuggingFace } from "./import-hugging-face.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "megatron-exchange-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string) => join(directory, name);

const families = [
  "gpt2",
  "llama",
  "llama-tied",
  "bert",
  "megatron-bert",
  "roberta",
  "t5",
  "t5-v1.1",
  "bart",
  "longformer",
];
const decoders = ["mistral", "qwen2", "qwen3", "smollm3", "phi3", "gemma2", "gemma3"].map((name) => `decoders/${name}`);
const encoders = ["distilbert", "electra", "electra-discriminator", "albert", "xlm-roberta"].map(
  (name) => `encoders/${name}`,
);

/** A copy of a fixture's model whose config.json is changed. */
function changed(name: string, family: string, change: (config: Record<string, unknown>) => void): string {
  cpSync(fixture(family), at(name), { recursive: true });
  const config = JSON.parse(readFileSync(join(at(name), "config.json"), "utf8")) as Record<string, unknown>;
  change(config);
  writeFileSync(join(at(name), "config.json"), JSON.stringify(config));
  return at(name);
}

describe("import and export", () => {
  it.each([...families, ...decoders, ...encoders])(
    "%s survives a round trip byte for byte, in one file and in shards",
    async (family) => {
      for (const folder of ["decoders", "encoders"]) mkdirSync(at(folder), { recursive: true });
      await importHuggingFace(fixture(family), at(`${family}-checkpoint`));
      const checkpoint = loadCheckpoint(at(`${family}-checkpoint`));
      await exportHuggingFace(checkpoint, at(`${family}-back`));
      await exportHuggingFace(checkpoint, at(`${family}-shards`), { maxShardBytes: 2_000 });
      checkpoint.close();
      const original = openSafetensors(join(fixture(family), "model.safetensors"));
      const back = openSafetensors(join(at(`${family}-back`), "model.safetensors"));
      expect([...back.names].sort()).toEqual([...original.names].sort());
      for (const name of original.names) {
        expect(back.info(name)).toEqual(original.info(name));
        expect(Buffer.from(back.read(name)).equals(Buffer.from(original.read(name))), name).toBe(true);
      }
      original.close();
      back.close();
      expect(existsSync(join(at(`${family}-shards`), "model.safetensors.index.json"))).toBe(true);
      await importHuggingFace(at(`${family}-shards`), at(`${family}-again`));
      const weights = (name: string) => loadCheckpoint(at(name)).manifest.files.map(({ sha256 }) => sha256);
      expect(weights(`${family}-again`)).toEqual(weights(`${family}-checkpoint`));
    },
  );

  it.each([
    ["BF16", "bfloat16", 0xffff],
    // Clears a bit of the exponent: no value is infinite.
    ["F16", "float16", 0xbfff],
  ] as const)("tensors in %s keep their element type and bytes, and load as float32", async (dtype, name, mask) => {
    const narrow = changed(`${dtype}-model`, "gpt2", () => {});
    const original = openSafetensors(join(narrow, "model.safetensors"));
    const entries = original.names.map((tensor) => {
      const words = new Uint16Array(original.read(tensor).buffer).filter((_, index) => index % 2 === 1);
      const bytes = new Uint8Array(words.map((word) => word & mask).buffer);
      return { name: tensor, shape: original.info(tensor).shape, dtype, bytes: () => bytes };
    });
    original.close();
    writeSafetensors(at("narrow.safetensors"), entries);
    cpSync(at("narrow.safetensors"), join(narrow, "model.safetensors"));
    await importHuggingFace(narrow, at(`${dtype}-checkpoint`));
    const { model, checkpoint } = loadModel(at(`${dtype}-checkpoint`));
    await exportHuggingFace(checkpoint, at(`${dtype}-back`));
    checkpoint.close();
    const back = openSafetensors(join(at(`${dtype}-back`), "model.safetensors"));
    for (const entry of entries) {
      expect(back.info(entry.name)).toEqual({ dtype, shape: entry.shape });
      expect(Buffer.from(back.read(entry.name)).equals(entry.bytes()), entry.name).toBe(true);
    }
    const weight = readForeignWeight(back, { name: "transformer.ln_f.weight" }).values;
    back.close();
    expect(await model.parameters.get("finalNorm.weight")!.tensor.data()).toEqual(weight);
    model.dispose();
    const config = JSON.parse(readFileSync(join(at(`${dtype}-back`), "config.json"), "utf8"));
    expect(config.dtype).toBe(name);
  });

  it("lists every tensor that is missing, unexpected or misshaped, by both names, and writes nothing", async () => {
    const wrong = changed("wrong", "gpt2", (config) => {
      config.n_positions = 30;
    });
    const file = openSafetensors(join(wrong, "model.safetensors"));
    const entries = file.names
      .filter((name) => !name.includes("ln_f.bias"))
      .map((name) => ({
        name: name.replace("h.0.ln_1.weight", "h.0.ln_9.weight"),
        ...file.info(name),
        bytes: () => file.read(name),
      }));
    writeSafetensors(join(directory, "changed.safetensors"), entries);
    file.close();
    cpSync(join(directory, "changed.safetensors"), join(wrong, "model.safetensors"));
    const attempt = importHuggingFace(wrong, at("wrong-checkpoint"));
    await expect(attempt).rejects.toThrow(/missing: transformer\.ln_f\.bias .*finalNorm\.bias, \[32\]/);
    await expect(attempt).rejects.toThrow(
      /missing: transformer\.h\.0\.ln_1\.weight .*layers\.0\.attentionNorm\.weight/,
    );
    await expect(attempt).rejects.toThrow(/unexpected: transformer\.h\.0\.ln_9\.weight \[32\]/);
    await expect(attempt).rejects.toThrow(
      /wrong shape: transformer\.wpe\.weight .*\[24,32\].*\[30,32\].*positionEmbedding\.weight/,
    );
    expect(existsSync(at("wrong-checkpoint"))).toBe(false);
  });

  it("rejects unknown architectures, pickles, and directories without a model", async () => {
    const unknown = changed("unknown", "gpt2", (config) => {
      config.model_type = "mamba";
    });
    await expect(importHuggingFace(unknown, at("no"))).rejects.toThrow(/model_type: .*"mamba"/);
    const pickled = changed("pickled", "gpt2", () => {});
    rmSync(join(pickled, "model.safetensors"));
    await expect(importHuggingFace(pickled, at("no"))).rejects.toThrow("model.safetensors.index.json");
    writeFileSync(join(pickled, "pytorch_model.bin"), "");
    await expect(importHuggingFace(pickled, at("no"))).rejects.toThrow("pytorch_model.bin");
    await expect(importHuggingFace(at("nowhere"), at("no"))).rejects.toThrow(`${at("nowhere")} is not`);
    expect(existsSync(at("no"))).toBe(false);
  });

  it("rejects an index that points out of its directory, and pipes", async () => {
    const sharded = changed("sharded", "gpt2", () => {});
    cpSync(join(sharded, "model.safetensors"), join(directory, "outside.safetensors"));
    rmSync(join(sharded, "model.safetensors"));
    for (const name of ["../outside.safetensors", join(directory, "outside.safetensors"), "a/../../x", "..", 7, null]) {
      writeFileSync(join(sharded, "model.safetensors.index.json"), JSON.stringify({ weight_map: { w: name } }));
      await expect(importHuggingFace(sharded, at("no"))).rejects.toThrow(JSON.stringify(name));
    }
    writeFileSync(join(sharded, "model.safetensors.index.json"), "[]");
    await expect(importHuggingFace(sharded, at("no"))).rejects.toThrow("weight_map");
    if (spawnSync("mkfifo", [join(sharded, "pipe")]).status !== 0) return;
    writeFileSync(join(sharded, "model.safetensors.index.json"), '{"weight_map":{"w":"pipe"}}');
    await expect(importHuggingFace(sharded, at("no"))).rejects.toThrow("pipe is not a regular file");
  });

  it("rejects more layers than tensors, at once", async () => {
    const deep = changed("deep", "gpt2", (config) => {
      config.n_layer = 2 ** 31;
    });
    await expect(importHuggingFace(deep, at("no"))).rejects.toThrow(/2147483648/);
  });

  it("names weights that are NaN or infinite", async () => {
    const broken = changed("broken", "gpt2", () => {});
    const path = join(broken, "model.safetensors");
    const file = openSafetensors(path);
    const entries = file.names.map((name) => ({
      name,
      ...file.info(name),
      bytes: () => {
        const bytes = file.read(name);
        if (name.endsWith("ln_f.weight")) new Float32Array(bytes.buffer)[3] = Number.NaN;
        return bytes;
      },
    }));
    writeSafetensors(join(directory, "broken.safetensors"), entries);
    file.close();
    cpSync(join(directory, "broken.safetensors"), path);
    await expect(importHuggingFace(broken, at("no"))).rejects.toThrow(/ln_f\.weight: .*NaN/);
    expect(existsSync(at("no"))).toBe(false);
  });

  it("calls `check` before it writes", async () => {
    function check() {
      throw new Error("the vocabulary disagrees");
    }
    await expect(importHuggingFace(fixture("gpt2"), at("checked"), { check })).rejects.toThrow(
      "the vocabulary disagrees",
    );
    expect(existsSync(at("checked"))).toBe(false);
  });
});
