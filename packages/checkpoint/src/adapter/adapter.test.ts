/** LoRA adapters against PEFT: logits of its files merged, gradients beside a frozen base, and files that it can read. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { createModel, type Model, type ModelConfig } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import { type AdapterConfig, fromSeed, type ParameterSource, trainedParameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importHuggingFace } from "../hugging-face/import-hugging-face.ts";
import { loadCheckpoint } from "../load-checkpoint.ts";
import { checkpointSource, modelConfigOf, tensorEntry } from "../model-checkpoint.ts";
import { openSafetensors } from "../safetensors.ts";
import { saveCheckpoint } from "../save-checkpoint.ts";
import { adaptModel } from "./adapt-model.ts";
import { type ModulePart, modulesOf } from "./adapted-modules.ts";
import { loadModel } from "./load-model.ts";
import { openModelCheckpoint, weightsFingerprint } from "./open-model-checkpoint.ts";
import { peftFiles, peftNames } from "./write-adapter.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-adapters-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);
const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const peft = (name: string) => join(fixtures, "lora", name);

const all = ["bert-sequence-classification", "roberta-sequence-classification", "gpt2", "llama"];
/** Those with one factor for all layers, as a model of ours has it. */
const trainable: Record<string, AdapterConfig> = {
  "bert-sequence-classification": { rank: 4, alpha: 8, targets: ["query", "value"], dropout: 0 },
  gpt2: { rank: 3, alpha: 5, targets: "all", dropout: 0 },
  llama: {
    rank: 3,
    alpha: 5,
    targets: ["query", "value", "attention.output", "feedForward.gate", "feedForward.output"],
    dropout: 0,
  },
};

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  for (const name of all) await importHuggingFace(join(fixtures, name), path(name));
});

function tensorsOf(file: string): Map<string, tf.Tensor> {
  const opened = openSafetensors(file);
  const found = opened.names.map((name): [string, tf.Tensor] => {
    const { dtype, shape } = opened.info(name);
    const { buffer } = opened.read(name);
    return [
      name,
      dtype === "I32"
        ? tf.tensor(new Int32Array(buffer), [...shape], "int32")
        : tf.tensor(new Float32Array(buffer), [...shape]),
    ];
  });
  opened.close();
  return new Map(found);
}

function logitsOf({ predictors }: Model, tokens: tf.Tensor): tf.Tensor {
  const { masked, causal } = predictors;
  return tf.tidy(() =>
    masked ? masked.taskLogits(masked.forward({ tokens }).hidden) : causal!.logits(causal!.forward({ tokens }).hidden),
  );
}

/** The largest difference, beside the largest value. */
function distance(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - found[i]!))) / largest;
}

/** A layer's A [rank, inputs] and B [outputs, rank] in PEFT's file. Our models here split modules by outputs alone. */
function pieceOf(tensors: Map<string, tf.Tensor>, { module, slice }: ModulePart, weight: "loraA" | "loraB"): tf.Tensor {
  const [a, b] = peftNames(module).map((name) => tensors.get(name)!) as [tf.Tensor, tf.Tensor];
  if (weight === "loraA") return a.clone();
  return slice ? tf.slice(b, [slice.first, 0], [slice.count, b.shape[1]!]) : b.clone();
}

/** A model with PEFT's adapters beside a base, as it is trained. */
function adaptedModel(name: string): { model: Model; tensors: Map<string, tf.Tensor> } {
  const tensors = tensorsOf(join(peft(name), "adapter_model.safetensors"));
  const checkpoint = loadCheckpoint(path(name));
  const config = modelConfigOf(checkpoint);
  const modules = modulesOf(config);
  const base = checkpointSource(checkpoint.weights);
  const source: ParameterSource = (declaration) => {
    const [, layer, weight] = /^(.*)\.(loraA|loraB)$/.exec(declaration.name) ?? [];
    if (layer === undefined) {
      const own = tensors.get(`base_model.model.${modules.nameOf(declaration.name)}`);
      return own ? tf.keep(own.clone()) : base(declaration);
    }
    const [outputs, inputs] = checkpoint.weights.info(`${layer}.weight`).shape;
    const part = modules.partOf(layer, [outputs!, inputs!]);
    return tf.keep(pieceOf(tensors, part, weight as "loraA" | "loraB"));
  };
  const model = createModel(config, { weights: { source }, adapter: trainable[name] });
  checkpoint.close();
  return { model, tensors };
}

describe("adapters in PEFT's format", () => {
  it.each(all)("give PEFT's logits when merged into %s", (name) => {
    const golden = tensorsOf(join(peft(name), "golden.safetensors"));
    const { model, checkpoint } = loadModel(path(name), { adapter: peft(name) });
    checkpoint.close();
    const logits = logitsOf(model, golden.get("input.tokens")!);
    expect(distance(logits.dataSync(), golden.get("output.logits")!.dataSync())).toBeLessThan(1e-5);
    model.dispose();
  });

  it.each(all)("give PEFT's logits beside the shared weights of %s, which stay what they are", (name) => {
    const golden = tensorsOf(join(peft(name), "golden.safetensors"));
    const base = loadModel(path(name));
    const shared = new Set([...base.model.parameters.values()].map(({ tensor }) => tensor));
    const before = tf.memory().numBytes;
    const adapted = adaptModel(base, { adapter: peft(name) });
    const own = [...adapted.model.parameters.values()].filter(({ tensor }) => !shared.has(tensor));
    expect(tf.memory().numBytes - before).toBe(own.reduce((sum, { tensor }) => sum + 4 * tensor.size, 0));
    expect(own.every(({ name: weight }) => /lora[AB]$|^taskHead/.test(weight))).toBe(true);
    const logits = logitsOf(adapted.model, golden.get("input.tokens")!);
    expect(distance(logits.dataSync(), golden.get("output.logits")!.dataSync())).toBeLessThan(1e-5);
    adapted.dispose();
    expect([...shared].every(({ isDisposed }) => !isDisposed)).toBe(true);
    base.checkpoint.close();
    base.model.dispose();
  });

  it.each(Object.keys(trainable))("have PEFT's gradients beside the frozen weights of %s", (name) => {
    const golden = tensorsOf(join(peft(name), "golden.safetensors"));
    const { model } = adaptedModel(name);
    const trained = [...trainedParameters(model.parameters).values()];
    const { outputs, pullback } = vjp(
      () => tf.sum(tf.mul(logitsOf(model, golden.get("input.tokens")!), golden.get("input.cotangent")!)),
      [],
      { parameters: trained.map(({ tensor }) => tensor) },
    );
    const { parameters: gradients } = pullback([tf.scalar(1)]);
    tf.dispose(outputs);
    const modules = modulesOf(model.config as ModelConfig);
    const sums = new Map<string, tf.Tensor>();
    for (const [index, { name: weight }] of trained.entries()) {
      const [, layer, kind] = /^(.*)\.(loraA|loraB)$/.exec(weight) ?? [];
      if (layer === undefined) continue;
      const { globalShape } = model.parameters.get(`${layer}.weight`)!;
      const { module } = modules.partOf(layer, globalShape);
      const own = `gradient.${peftNames(module)[kind === "loraA" ? 0 : 1]}`;
      const before = sums.get(own);
      // One A of theirs is several of ours, and rows of one B are.
      const join = (a: tf.Tensor, b: tf.Tensor) => (kind === "loraA" ? tf.add(a, b) : tf.concat([a, b]));
      sums.set(own, before ? join(before, gradients[index]!) : gradients[index]!);
    }
    const expected = [...golden.keys()].filter((key) => key.startsWith("gradient."));
    expect([...sums.keys()].sort()).toEqual(expected.sort());
    for (const key of expected) {
      expect(distance(sums.get(key)!.dataSync(), golden.get(key)!.dataSync()), key).toBeLessThan(1e-4);
    }
    model.dispose();
  });

  it.each(Object.keys(trainable))(
    "are written so that merging them gives the same logits as training had: %s",
    async (name) => {
      const golden = tensorsOf(join(peft(name), "golden.safetensors"));
      const { model } = adaptedModel(name);
      const logits = logitsOf(model, golden.get("input.tokens")!).dataSync();
      const base = loadCheckpoint(path(name));
      const entries = [...trainedParameters(model.parameters).values()].map((one) => tensorEntry(one.name, one.tensor));
      const written = peftFiles(entries, {
        config: model.config as ModelConfig,
        adapter: trainable[name]!,
        base: { directory: path(name), fingerprint: weightsFingerprint(base) },
      });
      base.close();
      const folder = path(`${name}-adapter`);
      mkdirSync(folder);
      for (const [file, bytes] of Object.entries(written)) writeFileSync(join(folder, file), bytes);
      const merged = loadModel(path(name), { adapter: folder });
      merged.checkpoint.close();
      expect(distance(logitsOf(merged.model, golden.get("input.tokens")!).dataSync(), logits)).toBeLessThan(1e-5);
      merged.model.dispose();
      model.dispose();
    },
  );
});

describe("adapters", () => {
  const tiny = {
    family: "bert",
    numLayers: 1,
    hiddenSize: 16,
    numHeads: 2,
    maxPositions: 8,
    vocabularySize: 32,
  } as const;

  it("leave the model as it is until they are trained, and are the only part that is", () => {
    const tokens = tf.tensor2d([[1, 2, 3]], undefined, "int32");
    const adapter = { rank: 2, alpha: 4, targets: "all" as const, dropout: 0 };
    const states = [null, adapter].map((own) => {
      const model = createModel(tiny, { weights: { seed: 1 }, adapter: own });
      return { model, values: model.predictors.masked!.forward({ tokens }).hidden.dataSync() };
    });
    expect(states[1]!.values).toEqual(states[0]!.values);
    const names = [...trainedParameters(states[1]!.model.parameters).keys()];
    expect(names).toHaveLength(12);
    expect(names.every((name) => /\.lora[AB]$/.test(name))).toBe(true);
    expect(
      Math.max(...states[1]!.model.parameters.get("layers.0.attention.query.loraA")!.tensor.dataSync()),
    ).toBeLessThan(0.25);
  });

  it("are refused for layers that the model does not have, and parts of it that would leave nothing to train", () => {
    const create = (targets: string[], frozen: string[] = []) =>
      createModel(tiny, {
        weights: { seed: 1 },
        adapter: targets.length ? { rank: 2, alpha: 4, targets, dropout: 0 } : null,
        frozen,
      });
    expect(() => create(["query", "q_proj"])).toThrow(/lora\.targets.*attention\.query.*feedForward\.input.*"q_proj"/);
    expect(() => create([], ["layer.0"])).toThrow(/"layer\.0".*tokenEmbedding.*layers\.0/);
    const everything = [
      "tokenEmbedding",
      "positionEmbedding",
      "tokenTypeEmbedding",
      "embeddingNorm",
      "layers",
      "pooler",
    ];
    expect(() => create([], [...everything, "languageModelHead", "pairHead"])).toThrow(/nothing would be trained/);
  });

  it("for another base, damaged or of another kind are refused in one line", async () => {
    const refused = (options: { adapter: string }, base = "llama") => {
      try {
        openModelCheckpoint(path(base), options).close();
      } catch (error) {
        return error as Error & { userError: boolean };
      }
      throw new Error("opened");
    };
    const shapes = refused({ adapter: peft("gpt2") });
    expect(shapes).toMatchObject({ userError: true, message: expect.stringMatching(/another base/) });
    expect(shapes.message).not.toContain("\n");
    expect(refused({ adapter: path("llama") }).message).toMatch(/adapter_config\.json/);
    const copy = (name: string, change: (json: Record<string, unknown>) => object) => {
      mkdirSync(path(name));
      const json = JSON.parse(readFileSync(join(peft("llama"), "adapter_config.json"), "utf8"));
      writeFileSync(join(path(name), "adapter_config.json"), JSON.stringify(change(json)));
      copyFileSync(join(peft("llama"), "adapter_model.safetensors"), join(path(name), "adapter_model.safetensors"));
      return path(name);
    };
    expect(refused({ adapter: copy("dora", (json) => ({ ...json, use_dora: true })) }).message).toMatch(/use_dora/);
    expect(refused({ adapter: copy("ia3", (json) => ({ ...json, peft_type: "IA3" })) }).message).toMatch(/peft_type/);

    // The same shapes with other weights: only the fingerprint differs.
    const config = modelConfigOf(loadCheckpoint(path("llama")));
    const other = createModel(config, { weights: { source: fromSeed(5) } });
    const weights = [...other.parameters.values()].map(({ name, tensor }) => tensorEntry(name, tensor));
    await saveCheckpoint({ directory: path("other"), step: 0, consumedSamples: 0, model: config, groups: { weights } });
    other.dispose();
    expect(refused({ adapter: path("llama-adapter") }, "other").message).toMatch(/another base \(.*llama\)/);
  });
});
