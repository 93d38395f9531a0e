/** Sequences that join and leave a batch get the tokens that they get alone. */
import { start } from "@megatron-ts/engine";
import { type CausalModel, createModel, type ModelConfig } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeRows } from "../testing/decode-rows.ts";
import { createBatch } from "./create-batch.ts";
import type { DecodingBatch, SequenceEvent, SequenceRequest } from "./decoding-batch.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30, initializerRange: 0.3 };
const gpt = { family: "gpt", ...shape, maxPositions: 80 };
const llama = { ...gpt, norm: "rms", biases: false, positions: "rotary", numKeyValueHeads: 1 };
const weights = { seed: 5 };
const create = (config: object) => createModel(config as ModelConfig, { weights });

const text = (length: number, start = 0) => Array.from({ length }, (_, i) => (i * i + 3 * i + start) % 30);
const requests: SequenceRequest[] = [
  { prompt: text(5), maxTokens: 12, seed: 1 },
  { prompt: text(40), maxTokens: 9, seed: 2, temperature: 0.7, topK: 12 },
  { prompt: text(1, 9), maxTokens: 20, seed: 3, stream: 1, topP: 0.9 },
  { prompt: text(66), maxTokens: 14, temperature: 0 },
  { prompt: text(66), maxTokens: 14, seed: 4, frequencyPenalty: 0.5, presencePenalty: 0.5 },
  { prompt: text(80), maxTokens: 5, seed: 5, repetitionPenalty: 1.3 },
];

/** Runs a batch to the end; request i joins after i steps. Returns the tokens of each. */
function runAll(batch: DecodingBatch, all: readonly SequenceRequest[]) {
  const numbers = new Map<number, number>();
  const rows = all.map((): number[] => []);
  const events: SequenceEvent[] = [];
  for (let step = 0; step < 500; step++) {
    if (step < all.length) numbers.set(batch.add(all[step]!), step);
    for (const event of batch.step()) {
      events.push(event);
      if (event.error) throw event.error;
      if (event.token !== null) rows[numbers.get(event.sequence)!]!.push(event.token);
    }
    if (step >= all.length && batch.running + batch.waiting === 0) return { rows, events };
  }
  throw new Error("the batch has not ended");
}

/** The tokens of a request alone; its stream is that of row 0, so only requests of stream 0 are comparable. */
const alone = (config: object, { stream = 0, ...request }: SequenceRequest) => {
  const model = create(config);
  const prompts = Array.from({ length: stream + 1 }, () => Array.from(request.prompt));
  const row = decodeRows(model, prompts, request)[stream];
  model.dispose();
  return row;
};

const configs: [string, object][] = [
  ["GPT", gpt],
  ["grouped queries and rotary positions", llama],
  ["a window", { ...llama, attentionWindow: 4, layersWithoutWindow: [1] }],
  ["a window and global tokens", { ...gpt, attention: { layout: "local", window: 8, globalTokens: [0] } }],
  ["a dilated layout", { ...gpt, attention: { layout: "dilated", window: 5, dilation: 2 } }],
  [
    "positions that depend on the longest text",
    {
      ...llama,
      rotaryScaling: { type: "dynamic", factor: 2, originalMaxPositions: 16 },
    },
  ],
];

describe.each(configs)("createBatch with %s", (_, config) => {
  it("gives each sequence the tokens that it gets alone, and leaks no tensors", () => {
    const model = create(config);
    const before = tf.memory().numTensors;
    const batch = createBatch(model, { maxSequences: 4, chunkTokens: 24 });
    const { rows } = runAll(batch, requests);
    expect(rows).toEqual(requests.map((request) => alone(config, request)));
    batch.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

describe("createBatch", () => {
  const run = (all: readonly SequenceRequest[], options: Parameters<typeof createBatch>[1] = {}) => {
    const model = create(gpt);
    const batch = createBatch(model, { maxSequences: 4, ...options });
    const result = runAll(batch, all);
    expect([batch.running, batch.waiting, batch.cacheUsage]).toEqual([0, 0, 0]);
    batch.dispose();
    model.dispose();
    return result;
  };

  it("reads a beginning once that several prompts share, with the same tokens", () => {
    const shared = text(64);
    const all = [[1], [1], [2, 3, 4], [5]].map(
      (rest, i): SequenceRequest => ({ prompt: [...shared, ...rest], maxTokens: 3, seed: i }),
    );
    const { rows, events } = run(all);
    const reused = events.filter(({ reusedTokens }) => reusedTokens !== undefined).map((event) => event.reusedTokens);
    expect(reused).toEqual([0, 64, 64, 64]);
    expect(rows).toEqual(all.map((request) => alone(gpt, request)));
    const model = create(gpt);
    const batch = createBatch(model);
    for (const request of all) batch.add(request);
    expect(batch.step().map((event) => event.reusedTokens)).toEqual([0, 64, 64, 64]);
    batch.dispose();
    model.dispose();
  });

  it("lets sequences wait until there are pages for all of their tokens", () => {
    const all = requests.map((request) => ({ ...request, prompt: Array.from(request.prompt).slice(0, 50) }));
    const { rows } = run(all, { cacheTokens: 96 });
    expect(rows).toEqual(all.map((request) => alone(gpt, request)));
    expect(() => run([{ prompt: text(50), maxTokens: 70 }], { cacheTokens: 64 })).toThrow(/cache of 64/);
  });

  it("continues without a sequence that is removed, whether it waits, is read or decodes", () => {
    const model = create(gpt);
    const batch = createBatch(model, { maxSequences: 2, chunkTokens: 16 });
    const numbers = requests.map((request) => batch.add(request));
    const rows = new Map(numbers.map((number) => [number, [] as number[]]));
    for (let step = 0; batch.running + batch.waiting > 0 || step === 0; step++) {
      for (const { sequence, token } of batch.step()) rows.get(sequence)!.push(token!);
      if (step === 2) for (const index of [0, 1, 4]) batch.remove(numbers[index]!);
    }
    for (const index of [2, 3, 5]) expect(rows.get(numbers[index]!)).toEqual(alone(gpt, requests[index]!));
    expect(rows.get(numbers[4]!)).toEqual([]);
    expect(batch.cacheUsage).toBe(0);
    batch.dispose();
    model.dispose();
  });

  it("scores the tokens of a prompt in chunks, as a whole forward does", () => {
    const model = create(gpt) as CausalModel;
    const prompt = text(50);
    const options = { maxSequences: 1, chunkTokens: 16 };
    const batch = createBatch(model, options);
    const request = { prompt, maxTokens: 1, temperature: 0, logProbabilities: 2, scorePrompt: true };
    // The first fills the cache, which the second must not use.
    for (const given of [request, { ...request, maxTokens: 0 }]) {
      const { events } = runAll(batch, [given]);
      expect(events).toHaveLength(1);
      const { promptScores, score, token } = events[0]!;
      const tokens = [...prompt, ...(token === null ? [] : [token])];
      const expected = tf.tidy(() =>
        tf
          .logSoftmax(model.logits(model.forward({ tokens: tf.tensor2d(tokens, [1, tokens.length], "int32") }).hidden))
          .arraySync(),
      ) as number[][][];
      expect(promptScores![0]).toBeNull();
      const scores = [...promptScores!, ...(score ? [score] : [])].slice(1);
      expect(scores.map((scored) => scored!.token)).toEqual(tokens.slice(1));
      for (const [i, scored] of scores.entries()) {
        const row = expected[0]![i]!;
        expect(scored!.logProbability).toBeCloseTo(row[tokens[i + 1]!]!, 4);
        const [first, second] = [...row.keys()].sort((a, b) => row[b]! - row[a]!);
        expect(scored!.alternatives.map((alternative) => alternative.token)).toEqual([first, second]);
      }
    }
    batch.dispose();
    model.dispose();
  });

  it("ends a sequence with an error alone", () => {
    const model = create(gpt);
    const batch = createBatch(model);
    const bad = batch.add({ prompt: [1], maxTokens: 3, logitBias: new Map([[30, 1]]) });
    const good = batch.add({ ...requests[0]! });
    const events = [];
    while (batch.running + batch.waiting > 0) events.push(...batch.step());
    const ended = events.filter(({ finishReason }) => finishReason);
    expect(ended.map(({ sequence }) => sequence)).toEqual([bad, good]);
    expect(ended[0]!.error?.message).toMatch(/no token 30/);
    expect(events.filter(({ sequence }) => sequence === good).map(({ token }) => token)).toEqual(
      alone(gpt, requests[0]!),
    );
    batch.dispose();
    model.dispose();
  });

  it.each([
    [{ prompt: [] }, /empty/],
    [{ prompt: text(81) }, /81 tokens.*80/],
    [{ prompt: [1], minP: 2 }, /min-p/],
    [{ prompt: [1], frequencyPenalty: Number.NaN }, /frequency penalty/],
  ])("rejects %j", (request, message) => {
    const model = create(gpt);
    const batch = createBatch(model);
    expect(() => batch.add({ maxTokens: 2, ...request })).toThrow(message);
    batch.dispose();
    model.dispose();
  });

  it("takes turns with models whose sequences share no forward", () => {
    const config = {
      family: "t5",
      numLayers: 1,
      hiddenSize: 16,
      numHeads: 2,
      vocabularySize: 30,
      initializerFactor: 1.5,
    };
    const model = create(config);
    const before = tf.memory().numTensors;
    const batch = createBatch(model, { maxSequences: 2 });
    const all = requests.slice(0, 4).map((request) => ({ ...request, stream: 0, startToken: 1 }));
    const { rows } = runAll(batch, all);
    expect(rows).toEqual(all.map((request) => alone(config, request)));
    batch.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
