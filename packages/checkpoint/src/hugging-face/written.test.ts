/**
 * Models of every format with weights from a seed, exported: transformers must load each without a tensor missing or left
 * over, and compute the same. fixtures/exchange/check.mjs does the same with trained models and their tokenizers. Needs
 * PEER_PYTHON.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "@megatron-ts/engine";
import { createModel, formatForModel, type ModelConfigInput, modelConfigSchema } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCheckpoint } from "../load-checkpoint.ts";
import { writeSafetensors } from "../safetensors.ts";
import { saveCheckpoint } from "../save-checkpoint.ts";
import { outputsOf } from "../testing/reference-outputs.ts";
import { exportHuggingFace } from "./export-hugging-face.ts";

const python = process.env.PEER_PYTHON;
const script = fileURLToPath(new URL("../../../../fixtures/hugging-face/load_written.py", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "megatron-written-test-"));

const sizes = {
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 4,
  feedForwardSize: 24,
  vocabularySize: 60,
  initializerRange: 0.2,
};
const gpt = { family: "gpt" as const, ...sizes, maxPositions: 16 };
const llama = {
  ...gpt,
  ...({ positions: "rotary", norm: "rms", gatedFeedForward: true, biases: false, activation: "silu" } as const),
};
const gemma = {
  ...llama,
  ...({ zeroCenteredNorms: true, outputNorms: true, embeddingScale: 4, activation: "gelu-tanh" } as const),
  ...{ attentionWindow: 5, layersWithoutWindow: [1], attentionScale: 1 / 3 },
};
const bert = { family: "bert" as const, ...sizes, maxPositions: 16 };
const noHeads = { pooler: false, languageModel: true, pair: false };
const bare = { pooler: false, languageModel: false, pair: false };
const classes = { kind: "sequence-classification" as const, labels: ["a", "b", "c"] };

/** By the format that they are to be written in, and what is special. */
const models: Record<string, ModelConfigInput> = {
  llama: { ...llama, tiedEmbeddings: false, numKeyValueHeads: 2 },
  "llama dynamic": { ...llama, rotaryScaling: { type: "dynamic", factor: 2, originalMaxPositions: 8 } },
  "llama longrope": {
    ...llama,
    rotaryScaling: {
      ...({ type: "longrope", shortFactors: [1, 2], longFactors: [2, 5] } as const),
      ...{ originalMaxPositions: 8, attentionFactor: 1.2 },
    },
  },
  mistral: { ...llama, attentionWindow: 5 },
  qwen2: { ...llama, attentionBiases: true, attentionOutputBias: false },
  "qwen2 windows": {
    ...llama,
    ...{ attentionBiases: true, attentionOutputBias: false, attentionWindow: 5, layersWithoutWindow: [0] },
  },
  qwen3: { ...llama, queryKeyNorm: true, headSize: 6, attentionWindow: 5 },
  smollm3: { ...llama, layersWithoutRotary: [1], attentionBiases: true },
  "smollm3 window": { ...llama, layersWithoutRotary: [1], attentionWindow: 5, layersWithoutWindow: [0] },
  phi3: { ...llama, rotaryFraction: 0.5 },
  gemma2: { ...gemma, attentionCap: 2, logitsCap: 3 },
  gemma3_text: { ...gemma, queryKeyNorm: true, windowRotaryTheta: 100, rotaryScaling: { type: "linear", factor: 2 } },
  "bert untied": { ...bert, tiedEmbeddings: false },
  "megatron-bert untied": { ...bert, normPlacement: "pre", tiedEmbeddings: false },
  "roberta untied": { ...bert, paddingToken: 1, maxPositions: 18, heads: noHeads, tiedEmbeddings: false },
  distilbert: { ...bert, numTokenTypes: 0, heads: noHeads },
  "distilbert untied": { ...bert, numTokenTypes: 0, heads: noHeads, tiedEmbeddings: false },
  "distilbert classifier": { ...bert, numTokenTypes: 0, heads: bare, task: { ...classes, activation: "relu" } },
  electra: { ...bert, embeddingSize: 8, headActivation: "gelu-erf", heads: noHeads },
  "electra classifier": { ...bert, embeddingSize: 8, heads: bare, task: { ...classes, activation: "gelu-erf" } },
  "electra discriminator": {
    ...{ ...bert, activation: "relu", embeddingSize: 8, heads: bare },
    task: { kind: "replaced-token-detection" },
  },
  albert: { ...bert, embeddingSize: 8, numLayerGroups: 1 },
  "albert untied": { ...bert, embeddingSize: 8, numLayerGroups: 2, heads: noHeads, tiedEmbeddings: false },
  "albert classifier": {
    ...bert,
    embeddingSize: 8,
    numLayerGroups: 1,
    heads: { ...bare, pooler: true },
    task: classes,
  },
  "xlnet untied": { family: "xlnet", ...sizes, tiedEmbeddings: false },
  bart: {
    ...({ family: "encoder-decoder", ...sizes, maxPositions: 16, normPlacement: "post" } as const),
    ...{ separatePositions: true, reservedPositions: 2, logitsBias: true, numDecoderLayers: 1, embeddingScale: 4 },
  },
};

/** Outputs that a model of each kind of head has. */
function outputNames(config: ModelConfigInput): string[] {
  if ("task" in config && config.task) return ["task"];
  return config.family === "bert" && !config.heads ? ["logits", "pair"] : ["logits"];
}

async function write(name: string, input: ModelConfigInput): Promise<void> {
  const config = modelConfigSchema.parse(input);
  expect(formatForModel(config).modelType).toBe(name.split(" ")[0]);
  const model = createModel(input, { weights: { seed: 5 } });
  const bytesOf = (tensor: tf.Tensor) => new Uint8Array(Float32Array.from(tensor.dataSync()).buffer);
  const directory = join(root, "written", name);
  await saveCheckpoint({
    directory: join(root, "checkpoints", name),
    step: 0,
    consumedSamples: 0,
    model: config,
    groups: {
      weights: [...model.parameters.values()].map(({ name, globalShape, tensor }) => ({
        name,
        dtype: "F32" as const,
        shape: globalShape,
        bytes: () => bytesOf(tensor),
      })),
    },
  });
  const checkpoint = loadCheckpoint(join(root, "checkpoints", name));
  await exportHuggingFace(checkpoint, directory);
  checkpoint.close();
  tf.tidy(() => {
    const output = outputsOf(model);
    const entries = outputNames(input).map((kind) => {
      const tensor = output(kind);
      return { name: kind, dtype: "F32" as const, shape: tensor.shape, bytes: () => bytesOf(tensor) };
    });
    writeSafetensors(join(directory, "golden.safetensors"), entries);
  });
  model.dispose();
}

describe.skipIf(!python)("models that we write, in transformers (PEER_PYTHON)", () => {
  beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("load strictly and compute the same", { timeout: 300_000 }, async () => {
    for (const folder of ["written", "checkpoints"]) mkdirSync(join(root, folder));
    for (const [name, config] of Object.entries(models)) await write(name, config);
    const run = spawnSync(python!, [script, join(root, "written")], { encoding: "utf8", maxBuffer: 2 ** 26 });
    expect(run.status, run.stderr).toBe(0);
    const results = JSON.parse(run.stdout) as Record<string, string | null>;
    expect(results).toEqual(Object.fromEntries(Object.keys(models).map((name) => [name, null])));
  });
});
