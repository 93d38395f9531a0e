/** Speculative decoding: greedy tokens are those without a draft, and sampled ones are distributed as the model's own are. */
import { start } from "@megatron-ts/engine";
import { type CausalModel, createModel, type ModelConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createBatch } from "../batching/create-batch.ts";
import type { SequenceRequest } from "../batching/decoding-batch.ts";
import type { Constraint } from "../constraints/constraint.ts";
import { GenerateError } from "../errors.ts";
import { candidatesOf } from "../sampling/candidates.ts";
import type { SamplingOptions } from "../sampling/options.ts";
import { decodeRows } from "../testing/decode-rows.ts";
import type { DraftOutcome, SpeculationOptions } from "./options.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30, initializerRange: 0.3 };
const gpt = { family: "gpt", ...shape, maxPositions: 80 };
const llama = { ...gpt, norm: "rms", biases: false, positions: "rotary", numKeyValueHeads: 1 };
const create = (config: object, seed = 5) => createModel(config as ModelConfig, { weights: { seed } }) as CausalModel;
/** Shares the embeddings and the first layer, so that some of its proposals are right. */
const createDraft = (config: object) => create({ ...config, numLayers: 1, layersWithoutWindow: [] });

/** Runs requests together, and returns the tokens of each. */
function runAll(model: CausalModel, all: readonly SequenceRequest[], draft: SpeculationOptions): number[][] {
  const before = tf.memory().numTensors;
  const batch = createBatch(model, { maxSequences: 8, cacheTokens: 1 << 12, draft });
  const rows = new Map(all.map((request) => [batch.add(request), [] as number[]]));
  while (batch.running + batch.waiting > 0) {
    for (const { sequence, token, error } of batch.step()) {
      if (error) throw error;
      rows.get(sequence)!.push(token!);
    }
  }
  expect(batch.cacheUsage).toBe(0);
  batch.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return [...rows.values()];
}

/** Adds up what became of proposals. */
function counts() {
  const total = { proposed: 0, accepted: 0 };
  const onDraft = ({ proposed, accepted }: DraftOutcome) => {
    total.proposed += proposed;
    total.accepted += accepted;
  };
  return { total, onDraft };
}

const configs: [string, object][] = [
  ["GPT", gpt],
  ["a window", { ...llama, attentionWindow: 4, layersWithoutWindow: [1] }],
  ["a window and global tokens", { ...gpt, attention: { layout: "local", window: 8, globalTokens: [0] } }],
];

describe.each(configs)("a draft for %s", (_, config) => {
  it("changes no greedy token, for several prompts together", () => {
    const model = create(config);
    const draft = createDraft(config);
    const prompts = [5, 1, 66].map((length) => Array.from({ length }, (_, i) => (i * i + 3 * i + length) % 30));
    const options = { maxTokens: 16, temperature: 0, stopTokens: [7], repetitionPenalty: 1.2 };
    const plain = decodeRows(model, prompts, options);
    for (const tokens of config === gpt ? [1, 7] : [3]) {
      const { total, onDraft } = counts();
      expect(decodeRows(model, prompts, { ...options, draft: { model: draft, tokens, onDraft } })).toEqual(plain);
      expect(total.accepted).toBeGreaterThan(0);
      expect(total.accepted).toBeLessThan(total.proposed);
    }
    for (const one of [model, draft]) one.dispose();
  });
});

/** One token sees only itself, so that the next one depends on it alone: the exact probabilities follow from V forwards. */
const chain = {
  ...{ ...llama, numLayers: 1, hiddenSize: 8, vocabularySize: 5 },
  ...{ attentionWindow: 1, maxPositions: 128, initializerRange: 0.6 },
};

/** Never the same token twice in a row. */
const constraintAfter = (last: number | null) => ({
  mask: { allows: (token: number) => token !== last, ends: false, isComplete: false },
  push(token: number) {
    this.mask = constraintAfter(token).mask;
  },
  copy() {
    const { mask } = this;
    return { ...constraintAfter(null), mask };
  },
});
const noRepeats: Constraint = { start: () => constraintAfter(null) };

describe("sampling with a draft", () => {
  const cases: [string, SamplingOptions & { constraint?: Constraint }][] = [
    ["no option", {}],
    ["temperature, top-k and top-p", { temperature: 1.5, topK: 4, topP: 0.95 }],
    ["min-p, typical-p and a bias", { minP: 0.02, typicalP: 0.97, logitBias: new Map([[2, 0.5]]) }],
    ["penalties", { repetitionPenalty: 1.2, presencePenalty: 0.5, frequencyPenalty: 0.02 }],
    ["a constraint", { constraint: noRepeats }],
  ];

  it.each(cases)("has the model's own distribution with %s", (_, options) => {
    const model = create(chain);
    const draft = create({ ...chain, initializerRange: 0.8 }, 6);
    const { total, onDraft } = counts();
    const requests = Array.from({ length: 8 }, (_, stream) => ({ prompt: [1], maxTokens: 100, stream, ...options }));
    const rows = runAll(model, requests, { model: draft, tokens: 3, onDraft });
    expect(total.accepted / total.proposed).toBeGreaterThan(0.05);
    expect(total.accepted / total.proposed).toBeLessThan(0.95);
    const logits = Array.from(
      { length: 5 },
      (_, token) =>
        tf.tidy(() =>
          model.logits(model.forward({ tokens: tf.tensor2d([[token]], [1, 1], "int32") }).hidden).dataSync(),
        ) as Float32Array,
    );
    // How often each token follows each other one, beside the sum of its probabilities there.
    const cells = Array.from({ length: 25 }, () => ({ count: 0, expected: 0, variance: 0 }));
    for (const row of rows) {
      expect(row).toHaveLength(100);
      const seen = [1];
      for (const token of row) {
        const last = seen.at(-1)!;
        const { mask } = constraintAfter(seen.length > 1 ? last : null);
        const allows = options.constraint && mask.allows;
        const { ids, weights } = candidatesOf(logits[last]!, { ...options, seen, generated: seen.slice(1), allows });
        const sum = weights.reduce((a, b) => a + b);
        expect(ids).toContain(token);
        for (const [i, id] of ids.entries()) {
          const p = weights[i]! / sum;
          const cell = cells[5 * last + id]!;
          cell.expected += p;
          cell.variance += p * (1 - p);
          if (id === token) cell.count++;
        }
        seen.push(token);
      }
    }
    const scores = cells
      .filter(({ variance }) => variance > 5)
      .map(({ count, expected, variance }) => (count - expected) ** 2 / variance);
    expect(scores.length).toBeGreaterThan(3);
    // Each is about chi-squared with one degree of freedom; the seeds are fixed.
    const chiSquared = scores.reduce((a, b) => a + b);
    expect(chiSquared).toBeLessThan(scores.length + 3 * Math.sqrt(2 * scores.length));
    for (const one of [model, draft]) one.dispose();
  });

  it("gives the same tokens alone and in a batch", () => {
    const model = create(llama);
    const draft = createDraft(llama);
    const requests = [1, 2, 3].map((seed) => ({ prompt: [seed, 3], maxTokens: 20, seed, logProbabilities: 1 }));
    const together = runAll(model, requests, { model: draft });
    expect(requests.map((request) => runAll(model, [request], { model: draft })[0])).toEqual(together);
    for (const one of [model, draft]) one.dispose();
  });
});

describe("a draft that cannot be one", () => {
  it.each<[string, object, RegExp, number?]>([
    ["another vocabulary", { ...gpt, vocabularySize: 31 }, /31 tokens.*30/],
    ["fewer positions", { ...gpt, maxPositions: 40 }, /40 tokens.*80/],
    ["an encoder", { ...shape, family: "bert", maxPositions: 80 }, /bert/],
    ["no proposals", gpt, /from 1 to 16/, 0],
    [
      "positions by the longest text",
      { ...llama, rotaryScaling: { type: "dynamic", factor: 2, originalMaxPositions: 16 } },
      /pages/,
    ],
  ])("is refused: %s", (_, config, message, tokens) => {
    const model = create(gpt);
    const draft = createModel(config as ModelConfig, { weights: { seed: 1 } });
    const before = tf.memory().numTensors;
    expect(() => createBatch(model, { draft: { model: draft, tokens } })).toThrow(GenerateError);
    expect(() => createBatch(model, { draft: { model: draft, tokens } })).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    for (const one of [model, draft]) one.dispose();
  });

  it("is refused by models that keep no pages", () => {
    const model = createModel(
      { family: "t5", numLayers: 1, hiddenSize: 16, numHeads: 2, vocabularySize: 30 },
      { weights: { seed: 1 } },
    );
    const draft = create(gpt);
    expect(() => decodeRows(model, [[1]], { maxTokens: 2, startToken: 0, draft: { model: draft } })).toThrow(/pages/);
    for (const one of [model, draft]) one.dispose();
  });
});
