/**
 * The same tiny GPT-2, the same batches, a hundred AdamW steps, held to PyTorch's figures (fixtures/gpt2): logits,
 * hidden states, the loss and clipped norm of every step, and every gradient of the first.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { foreignSource, openSafetensors, readForeignWeight } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel, gpt2Names, type LanguageModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { accumulate } from "./accumulate.ts";
import { type CausalRows, causalObjective } from "./causal-objective.ts";
import { clipByGlobalNorm } from "./gradients.ts";
import { createAdamW } from "./optimizer.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/gpt2/${name}`, import.meta.url));
const golden = openSafetensors(fixture("golden.safetensors"));
const scalars = JSON.parse(readFileSync(fixture("golden.json"), "utf8")) as {
  trainLosses: number[];
  trainGradientNorms: number[];
};
const floats = (name: string) => new Float32Array(golden.read(name).buffer);

const config = {
  family: "gpt",
  numLayers: 2,
  hiddenSize: 32,
  numHeads: 4,
  vocabularySize: 101,
  maxPositions: 24,
  dropout: 0,
  attentionDropout: 0,
} as const;
const names = gpt2Names(config);

/** [4, 3, 17] token ids as batches whose labels are the next tokens; Hugging Face leaves the last one out. */
function goldenBatches(): CausalRows[] {
  const [count, batchSize, sequenceLength] = golden.info("input.batches").shape as [number, number, number];
  const ids = new Int32Array(golden.read("input.batches").buffer);
  return Array.from({ length: count }, (_, index) => {
    const tokens = ids.slice(index * batchSize * sequenceLength, (index + 1) * batchSize * sequenceLength);
    const labels = tokens.map((_, i) => ((i + 1) % sequenceLength === 0 ? -100 : tokens[i + 1]!));
    return { batchSize, sequenceLength, tokens, labels };
  });
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
};
const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function loadGpt2(): LanguageModel {
  const file = openSafetensors(fixture("model.safetensors"));
  const model = createModel(config, { weights: { source: foreignSource(file, names) } });
  file.close();
  return model;
}

describe("GPT-2 against PyTorch", () => {
  const batches = goldenBatches();
  beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

  it("gives the same logits and hidden states", () => {
    const model = loadGpt2();
    const tokens = tf.tensor2d(batches[0]!.tokens, [3, 17], "int32");
    const seen = new Map<string, Float32Array>();
    const logits = model.logits(
      model.hidden({ tokens }, { observe: (name, tensor) => seen.set(name, tensor.dataSync() as Float32Array) }),
    );
    const expected = floats("output.logits");
    expect(largestDifference(logits.dataSync(), expected)).toBeLessThan(1e-4 * largest(expected));
    for (const [ours, theirs] of [
      ["embedding", "output.hidden_states.0"],
      ["layers.0.output", "output.hidden_states.1"],
      ["finalNorm", "output.hidden_states.2"],
    ] as const) {
      expect(largestDifference(seen.get(ours)!, floats(theirs)), ours).toBeLessThan(1e-4 * largest(floats(theirs)));
    }
    model.dispose();
  });

  it("gives the same gradient of every weight", () => {
    const model = loadGpt2();
    const { gradients } = accumulate({ model, objective: causalObjective }, batches[0]!, { microBatchSize: 3 });
    const prefixed = {
      info: (name: string) => golden.info(`gradient.${name}`),
      read: (name: string) => golden.read(`gradient.${name}`),
    };
    const references = [...model.parameters.keys()].map((name) => readForeignWeight(prefixed, names.get(name)!).values);
    const floor = 1e-3 * Math.max(...references.map(largest));
    [...model.parameters.keys()].forEach((name, i) => {
      const allowed = 1e-4 * Math.max(largest(references[i]!), floor);
      expect(largestDifference(gradients.tensors[i]!.dataSync(), references[i]!), name).toBeLessThanOrEqual(allowed);
    });
    tf.dispose(gradients.tensors);
    model.dispose();
  });

  it("keeps to its losses and norms over a hundred AdamW steps", () => {
    const model = loadGpt2();
    const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
    scalars.trainLosses.forEach((expected, step) => {
      const batch = batches[step % batches.length]!;
      const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 3 });
      const { clipped, norm } = clipByGlobalNorm(gradients, { ...model, maxNorm: 1 });
      optimizer.update(clipped, 1e-3);
      expect(Math.abs(loss - expected), `loss of step ${step}`).toBeLessThan(1e-4 * expected);
      expect(Math.abs(norm - scalars.trainGradientNorms[step]!), `norm of step ${step}`).toBeLessThan(
        1e-3 * scalars.trainGradientNorms[step]!,
      );
    });
    expect(scalars.trainLosses).toHaveLength(100);
    optimizer.dispose();
    model.dispose();
  });
});
