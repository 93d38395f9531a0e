/** Training steps that are replayed give the bits of steps that JavaScript runs: losses, norms and weights. */
import type { CausalBatch } from "@megatron-ts/data";
import { backends, start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { type Precision, withPrecision } from "@megatron-ts/ops";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type AccumulateOptions,
  accumulate,
  captureLossAndGradients,
  causalObjective,
  clipByGlobalNorm,
  createAdamW,
  createWeightAverage,
} from "./index.ts";

const missing = await backends.native.unavailableReason();

interface Replaying {
  engine: { replay(program: number): number[] | null; memory(): { inUse: number } };
}
// TensorFlow.js's type knows nothing of what the native backend adds.
const engine = () => (tf.backend() as unknown as Replaying).engine;
/** What is held now. The peak so far may grow without a leak. */
const inUse = () => ({ ...tf.memory(), peakBytes: undefined, inUse: engine().memory().inUse });

const sequenceLength = 6;
const config = {
  family: "gpt",
  numLayers: 2,
  hiddenSize: 16,
  numHeads: 2,
  vocabularySize: 23,
  maxPositions: 8,
} as const;

/** A batch of a step; a few labels do not count. */
function batchAt(step: number, { batchSize, packed }: { batchSize: number; packed: boolean }): CausalBatch {
  const size = batchSize * sequenceLength;
  const draws = Array.from(uniforms(hashKey(1, "tokens", step), size + 1), (u) => Math.floor(u * 23));
  const tokens = Int32Array.from(draws.slice(0, size));
  const labels = Int32Array.from(draws.slice(1), (token, i) => (i % (7 + step) === 0 ? -1 : token));
  if (!packed) return { batchSize, sequenceLength, tokens, labels };
  // A second document starts at another place in every step.
  const cut = 1 + (step % 4);
  const place = (i: number) => i % sequenceLength;
  const positions = tokens.map((_, i) => (place(i) < cut ? place(i) : place(i) - cut));
  return {
    batchSize,
    sequenceLength,
    tokens,
    labels,
    positions,
    keyStart: tokens.map((_, i) => (place(i) < cut ? 0 : cut)),
  };
}

interface Case {
  model?: object;
  batchSize?: number;
  packed?: boolean;
  precision?: Precision;
  evaluates?: boolean;
  options?: Partial<AccumulateOptions>;
}

/** Ten steps: every loss and norm, the weights at the end, and how many micro-batches were replayed. */
async function train({ model: fields, options, ...rest }: Case, isCaptured: boolean) {
  const { batchSize = 2, packed = false, precision = "f32", evaluates = false } = rest;
  const replay = vi.spyOn(engine(), "replay");
  const model = createModel({ dropout: 0, attentionDropout: 0, ...config, ...fields }, { weights: { seed: 1 } });
  const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
  const average = createWeightAverage(model.parameters, { decay: 0.9 });
  const { compute, dispose } = captureLossAndGradients();
  const numbers: number[] = [];
  for (let step = 0; step < 10; step++) {
    const random = { key: hashKey(3, "step", step), firstRow: 0, globalRows: batchSize };
    const all = { microBatchSize: 2, random, compute: isCaptured ? compute : undefined, ...options };
    withPrecision(precision, () => {
      const batch = batchAt(step, { batchSize, packed });
      const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, all);
      const { clipped, norm } = clipByGlobalNorm(gradients, { ...model, maxNorm: 1 });
      optimizer.update(clipped, 1e-2);
      numbers.push(loss, norm);
    });
    average.update(step + 1);
    if (!evaluates) continue;
    await average.use(async () => {
      const tokens = tf.tensor2d(batchAt(step, { batchSize: 1, packed: false }).tokens, [1, sequenceLength], "int32");
      numbers.push(tf.tidy(() => tf.sum(model.logits(model.forward({ tokens }).hidden)).dataSync()[0]!));
      tokens.dispose();
    });
  }
  const weights = [...model.parameters.values()].map(({ tensor }) => tensor.dataSync());
  dispose();
  average.dispose();
  optimizer.dispose();
  model.dispose();
  const replayed = replay.mock.results.filter(({ value }) => value).length;
  replay.mockRestore();
  return { numbers, weights, replayed };
}

const cases: [string, Case][] = [
  ["a plain GPT", {}],
  [
    "what the starter trains",
    { model: { norm: "rms", biases: false, queryKeyNorm: true, activation: "squared-relu", tiedEmbeddings: false } },
  ],
  ["rotary positions and a window", { model: { positions: "rotary", attentionWindow: 3 } }],
  ["packed documents", { packed: true }],
  ["pairs of tokens, and the token before", { packed: true, model: { pairEmbeddings: 9, tokenShift: true } }],
  ["micro-batches, of which the last is smaller", { batchSize: 5 }],
  ["bf16", { precision: "bf16" }],
  ["recomputation", { options: { recompute: "full" } }],
  ["evaluations of averaged weights in between", { evaluates: true }],
];

describe.skipIf(missing !== null)("captured training steps", () => {
  beforeAll(async () => {
    await start({ backend: "native", threads: 2 });
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each(cases)("with %s have the bits of plain ones", async (_, options) => {
    const before = inUse();
    const [{ replayed, ...found }, { replayed: none, ...expected }] = [
      await train(options, true),
      await train(options, false),
    ];
    expect(found).toEqual(expected);
    expect(found.numbers.every(Number.isFinite)).toBe(true);
    // All but the first of each shape.
    expect(replayed).toBe(options.batchSize === 5 ? 28 : 9);
    expect(none).toBe(0);
    expect(inUse()).toEqual(before);
  });

  it.each<[string, object]>([
    ["dropout", { dropout: 0.3 }],
    ["dropout of attention", { attentionDropout: 0.3 }],
  ])("are not replayed with %s, which changes from step to step", async (_, model) => {
    const [found, expected] = [await train({ model }, true), await train({ model }, false)];
    expect(found).toEqual(expected);
    expect(found.replayed).toBe(0);
  });
});
