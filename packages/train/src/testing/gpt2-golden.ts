/**
 * Checks of a model and its training against PyTorch's figures for a tiny GPT-2 (fixtures/gpt2). Each throws when the
 * model differs: the parity test runs them on ours, the mutants' test on wrong ones.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { foreignSource, openSafetensors, readForeignWeight } from "@megatron-ts/checkpoint";
import type { CausalBatch } from "@megatron-ts/data";
import { type CreateModelOptions, createModel, type GptModel, gpt2Format, gptConfigSchema } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { causalObjective } from "../objectives/causal/loss.ts";
import { accumulate } from "../step/accumulate.ts";
import { createAdamW } from "../step/adamw.ts";
import { clipByGlobalNorm } from "../step/gradients.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/gpt2/${name}`, import.meta.url));
const golden = openSafetensors(fixture("golden.safetensors"));
const floats = (name: string) => new Float32Array(golden.read(name).buffer);
const scalars = JSON.parse(readFileSync(fixture("golden.json"), "utf8")) as {
  trainLosses: number[];
  trainGradientNorms: number[];
};

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
const names = gpt2Format.names(gptConfigSchema.parse(config));

/** [4, 3, 17] token ids as batches whose labels are the next tokens; Hugging Face leaves the last one out. */
const goldenBatches: CausalBatch[] = (() => {
  const [count, batchSize, sequenceLength] = golden.info("input.batches").shape as [number, number, number];
  const ids = new Int32Array(golden.read("input.batches").buffer);
  const rowLength = batchSize * sequenceLength;
  return Array.from({ length: count }, (_, index) => {
    const tokens = ids.slice(index * rowLength, (index + 1) * rowLength);
    const labels = tokens.map((_, i) => ((i + 1) % sequenceLength === 0 ? -100 : tokens[i + 1]!));
    return { batchSize, sequenceLength, tokens, labels };
  });
})();

/** The golden model; `change` may replace the source of weights, `fields` parts of the configuration. */
export function loadGolden({
  fields = {},
  change = (source) => source,
}: {
  fields?: object;
  change?: (source: ParameterSource) => ParameterSource;
} = {}): GptModel {
  const file = openSafetensors(fixture("model.safetensors"));
  const weights: CreateModelOptions["weights"] = { source: change(foreignSource(file, names)) };
  const model = createModel({ ...config, ...fields }, { weights });
  file.close();
  return model;
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function expectWithin(
  actual: ArrayLike<number>,
  expected: Float32Array,
  { allowed, what }: { allowed: number; what: string },
) {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} values, expected ${expected.length}`);
  expected.forEach((value, i) => {
    const difference = Math.abs(actual[i]! - value);
    if (!(difference <= allowed)) throw new Error(`${what}[${i}]: ${actual[i]}, expected ${value} within ${allowed}`);
  });
}

/** Logits and hidden states of the first batch, within 1e-4 of their largest value. */
export function checkForward(model: GptModel): void {
  const { tokens, batchSize, sequenceLength } = goldenBatches[0]!;
  const seen = new Map<string, Float32Array>();
  tf.tidy(() => {
    const hidden = model.forward(
      { tokens: tf.tensor2d(tokens, [batchSize, sequenceLength], "int32") },
      { observe: (name, tensor) => seen.set(name, tensor.dataSync() as Float32Array) },
    ).hidden;
    seen.set("logits", model.logits(hidden).dataSync() as Float32Array);
  });
  for (const [ours, theirs] of [
    ["embedding", "output.hidden_states.0"],
    ["layers.0.output", "output.hidden_states.1"],
    ["finalNorm", "output.hidden_states.2"],
    ["logits", "output.logits"],
  ] as const) {
    const expected = floats(theirs);
    expectWithin(seen.get(ours)!, expected, { allowed: 1e-4 * largest(expected), what: ours });
  }
}

/** Every gradient g of the first batch: max|g - ref| <= 1e-4 max(max|ref| of the tensor, 1e-3 max|ref| of the model). */
export function checkGradients(model: GptModel): void {
  const { gradients } = accumulate({ model, objective: causalObjective }, goldenBatches[0]!, { microBatchSize: 3 });
  const prefixed = {
    info: (name: string) => golden.info(`gradient.${name}`),
    read: (name: string) => golden.read(`gradient.${name}`),
  };
  const ours = [...model.parameters.keys()].map((name, i) => [name, gradients.tensors[i]!.dataSync()] as const);
  tf.dispose(gradients.tensors);
  const compared = ours.flatMap(([name, values]) => {
    const foreign = names.get(name);
    return foreign ? [{ name, values, reference: readForeignWeight(prefixed, foreign).values }] : [];
  });
  const floor = 1e-3 * Math.max(...compared.map(({ reference }) => largest(reference)));
  for (const { name, values, reference } of compared) {
    expectWithin(values, reference, {
      allowed: 1e-4 * Math.max(largest(reference), floor),
      what: `gradient of ${name}`,
    });
  }
}

/** A hundred AdamW steps: every loss within 1e-4 relative, every norm before clipping within 1e-3, final weights too. */
export function checkTraining(model: GptModel): void {
  const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
  scalars.trainLosses.forEach((expected, step) => {
    const batch = goldenBatches[step % goldenBatches.length]!;
    const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 3 });
    const { clipped, norm } = clipByGlobalNorm(gradients, { ...model, maxNorm: 1 });
    optimizer.update(clipped, 1e-3);
    const expectedNorm = scalars.trainGradientNorms[step]!;
    if (!(Math.abs(loss - expected) < 1e-4 * expected))
      throw new Error(`loss of step ${step}: ${loss}, expected ${expected}`);
    if (!(Math.abs(norm - expectedNorm) < 1e-3 * expectedNorm)) {
      throw new Error(`gradient norm of step ${step}: ${norm}, expected ${expectedNorm}`);
    }
  });
  optimizer.dispose();
  for (const name of ["finalNorm.weight", "finalNorm.bias", "positionEmbedding.weight"]) {
    const expected = floats(`output.trained.${names.get(name)!.name}`);
    const trained = model.parameters.get(name)!.tensor.dataSync();
    expectWithin(trained, expected, { allowed: 1e-3 * largest(expected), what: `trained ${name}` });
  }
}
