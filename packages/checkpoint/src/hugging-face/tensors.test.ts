import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadCheckpoint } from "../load-checkpoint.ts";
import { openSafetensors, writeSafetensors } from "../safetensors.ts";
import type { TensorEntry } from "../tensor-entry.ts";
import { importHuggingFace } from "./import-hugging-face.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "megatron-tensors-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Tensor extends Omit<TensorEntry, "bytes"> {
  values: Float32Array;
}

const entry = ({ name, dtype, shape, values }: Tensor): TensorEntry => ({
  name,
  dtype,
  shape,
  bytes: () => new Uint8Array((dtype === "F64" ? Float64Array.from(values) : values).buffer),
});

let copies = 0;

/** Imports a copy of a fixture whose tensors are changed; returns the configuration and the weights by our names. */
async function importChanged(family: string, change: (tensors: Map<string, Tensor>) => Iterable<Tensor>) {
  const copy = join(directory, String(copies++));
  cpSync(fixture(family), copy, { recursive: true });
  const file = openSafetensors(join(copy, "model.safetensors"));
  const tensors = file.names.map((name): [string, Tensor] => [
    name,
    { name, ...file.info(name), values: new Float32Array(file.read(name).buffer) },
  ]);
  file.close();
  writeSafetensors(join(copy, "model.safetensors"), [...change(new Map(tensors))].map(entry));
  const { config } = await importHuggingFace(copy, `${copy}-checkpoint`);
  const { weights } = loadCheckpoint(`${copy}-checkpoint`);
  return { config, read: (name: string) => new Float32Array(weights.read(name).buffer) };
}

/** Adds a tensor, made of another. */
const add =
  (name: string, of: string, change: (values: Float32Array) => Float32Array = (values) => values) =>
  (tensors: Map<string, Tensor>) => {
    const { values, ...rest } = tensors.get(of)!;
    return [...tensors.values(), { ...rest, name, values: change(values) }];
  };

const shifted = (values: Float32Array) => values.map((value) => value + 0.5);

describe("weights that are shared, in a file that has both", () => {
  it.each([
    ["gpt2", "lm_head.weight", "transformer.wte.weight", "head.weight"],
    ["llama-tied", "lm_head.weight", "model.embed_tokens.weight", "head.weight"],
    ["t5", "lm_head.weight", "shared.weight", "head.weight"],
    ["xlnet", "lm_loss.weight", "transformer.word_embedding.weight", "head.weight"],
    [
      ...(["bert", "cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"] as const),
      "languageModelHead.decoder.weight",
    ],
    [
      ...(["roberta", "lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"] as const),
      "languageModelHead.decoder.weight",
    ],
  ])("%s: a head that differs is a head of its own", async (family, head, embedding, ours) => {
    expect((await importChanged(family, add(head, embedding))).config).toMatchObject({ tiedEmbeddings: true });
    const { config, read } = await importChanged(family, add(head, embedding, shifted));
    expect(config).toMatchObject({ tiedEmbeddings: false });
    expect(read(ours)).toEqual(shifted(read("tokenEmbedding.weight")));
  });

  it.each([
    ["bart", "lm_head.weight", "model.shared.weight"],
    ["bart", "model.decoder.embed_tokens.weight", "model.shared.weight"],
    ["t5", "encoder.embed_tokens.weight", "shared.weight"],
    ["t5", "decoder.embed_tokens.weight", "shared.weight"],
  ])("%s: %s must be equal", async (family, copy, of) => {
    await importChanged(family, add(copy, of));
    await expect(importChanged(family, add(copy, of, shifted))).rejects.toThrow(`${copy} differs from ${of}`);
  });

  it.each([
    ["bert", "cls.predictions.decoder.bias", "cls.predictions.bias"],
    ["roberta", "lm_head.decoder.bias", "lm_head.bias"],
  ])("%s: %s is the one that the reference adds", async (family, bias, other) => {
    const plain = await importChanged(family, (tensors) => tensors.values());
    const { read } = await importChanged(family, add(bias, other, shifted));
    expect(read("languageModelHead.bias")).toEqual(shifted(plain.read("languageModelHead.bias")));
  });

  it("are found under either name", async () => {
    const renamed = (tensors: Map<string, Tensor>) =>
      [...tensors.values()].map((tensor) => ({
        ...tensor,
        name: tensor.name.replace("transformer.wte.weight", "lm_head.weight"),
      }));
    expect((await importChanged("gpt2", renamed)).config).toMatchObject({ tiedEmbeddings: true });
  });
});

describe("tensors as others save them", () => {
  it.each(["module.", "_orig_mod.", "module._orig_mod."])("are read behind the prefix %s", async (prefix) => {
    await importChanged("bert", (tensors) =>
      [...tensors.values()].map((tensor) => ({ ...tensor, name: prefix + tensor.name })),
    );
  });

  it("are read from float64", async () => {
    const plain = await importChanged("t5", (tensors) => tensors.values());
    const { read } = await importChanged("t5", (tensors) =>
      [...tensors.values()].map((tensor) => ({ ...tensor, dtype: "F64" })),
    );
    expect(read("tokenEmbedding.weight")).toEqual(plain.read("tokenEmbedding.weight"));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("are refused by name with a weight of %d", async (value) => {
    const spoilt = importChanged("gpt2", (tensors) => {
      tensors.get("transformer.h.1.ln_1.weight")!.values[3] = value;
      return tensors.values();
    });
    await expect(spoilt).rejects.toThrow(`transformer.h.1.ln_1.weight: a weight is ${value}`);
    await expect(spoilt).rejects.toThrow(expect.objectContaining({ userError: true }));
  });
});
