/** Decoding steps that are replayed give the bits of steps that JavaScript runs, for every kind of session and block. */
import { backends, start } from "@megatron-ts/engine";
import { createModel, type ModelConfig } from "@megatron-ts/model";
import { overwrite } from "@megatron-ts/ops";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { argmax } from "../sampling/candidates.ts";
import type { SessionOptions } from "./decoding-session.ts";
import { openDecodingSession } from "./open-decoding-session.ts";

interface Capturing {
  capture(f: () => tf.Tensor[]): object;
  engine: { replay(program: number): number[] | null; memory(): { inUse: number } };
}
// TensorFlow.js's type knows nothing of what the native backend adds.
const backend = () => tf.backend() as unknown as Capturing;
/** What is held now. The peak so far may grow without a leak. */
const inUse = () => ({ ...tf.memory(), peakBytes: undefined, inUse: backend().engine.memory().inUse });
const missing = await backends.native.unavailableReason();

const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30, initializerRange: 0.3 };
const gpt = { family: "gpt", ...shape, maxPositions: 24 };
const llama = { ...gpt, norm: "rms", biases: false, positions: "rotary", activation: "silu", gatedFeedForward: true };
const both = { family: "encoder-decoder", ...shape, maxPositions: 20 };
const t5 = { family: "t5", numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30, initializerFactor: 1.5 };
const permutation = { prediction: "permutation" } as const;

const cases: [string, object, Pick<SessionOptions, "prediction">?][] = [
  ["GPT", gpt],
  ["grouped queries and rotary positions", { ...llama, numKeyValueHeads: 1 }],
  [
    "a window that fills up, in some layers",
    { ...llama, attentionWindow: 4, windowRotaryTheta: 9, layersWithoutWindow: [1] },
  ],
  [
    "capped scores and logits, scaled embeddings",
    { ...llama, attentionCap: 20, logitsCap: 9, outputNorms: true, zeroCenteredNorms: true, embeddingScale: 4 },
  ],
  [
    "what the starter trains",
    {
      ...gpt,
      queryKeyNorm: true,
      embeddingNorm: true,
      embeddingShortcut: true,
      layersWithValueEmbeddings: [0],
      pairEmbeddings: 11,
      tokenShift: true,
      activation: "squared-relu",
      tiedEmbeddings: false,
    },
  ],
  [
    "sinks, in layers with a window too",
    { ...llama, attentionSinks: true, attentionWindow: 4, layersWithoutWindow: [1] },
  ],
  ["biases by distance", { ...gpt, positions: "alibi", attentionWindow: 4 }],
  ["strided attention", { ...llama, attention: { layout: "strided", stride: 3 } }],
  ["fixed attention", { ...gpt, attention: { layout: "fixed", blockSize: 2, globalPatterns: 2 } }],
  [
    "random blocks in each layer and head",
    { ...gpt, attention: { layout: "bigbird", blockSize: 2, perHead: true, seed: 3 } },
  ],
  [
    "variable windows",
    { ...gpt, attention: { layout: "variable", blockSize: 2, localBlocks: [1, 2], randomBlocks: 1 } },
  ],
  ["global blocks", { ...gpt, attention: { layout: "bslongformer", blockSize: 2 } }],
  [
    "a dilated window, in some layers",
    { ...llama, attention: { layout: "dilated", window: 3, layers: ["dilated", "dense"] } },
  ],
  ["windows of blocks", { ...gpt, attention: { layout: "local-blocks", blockSize: 2 } }],
  ["a window with global tokens", { ...gpt, attention: { layout: "local", window: 3, globalTokens: [0, 5] } }],
  ["one as long as the text", { ...gpt, attention: { layout: "local", window: 30, globalTokens: [0, 5] } }],
  ["an encoder-decoder with strided attention", { ...both, attention: { layout: "strided", stride: 3 } }],
  ["T5 with random blocks", { ...t5, attention: { layout: "bigbird", blockSize: 1 } }],
  [
    "a query stream with a dilated window",
    { ...both, attention: { layout: "local-blocks", blockSize: 2 } },
    permutation,
  ],
  ["an encoder-decoder", both],
  ["its window", { ...both, attentionWindow: 4, reservedPositions: 2 }],
  ["relative distances", { ...both, relativeDistances: true, normPlacement: "post" }],
  ["T5", t5],
  ["a query stream", { ...both, numTokenTypes: 2 }, permutation],
  ["its window", { ...both, attentionWindow: 4 }, permutation],
];

const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];

/** The logits of every step of a greedy session, in which rows end at different times. */
function* steps(config: object, options: Pick<SessionOptions, "prediction"> = {}, rows = prompts) {
  const model = createModel(config as ModelConfig, { weights: { seed: 5 } });
  // These start from zeros, with which a model computes what it does without them.
  for (const { name, tensor } of model.parameters.values()) {
    if (/pairEmbedding|tokenShift/.test(name)) overwrite(tensor, uniforms(hashKey(2, name), tensor.size));
  }
  const session = openDecodingSession(model, rows, { maxTokens: 40, startToken: 1, ...options });
  try {
    let logits = session.prefill();
    for (let step = 0; step < 15; step++) {
      yield logits.map((row) => row.slice());
      const ended = (row: number) => row < rows.length - 1 && step >= 4 + 3 * row;
      logits = session.decodeStep(logits.map((row, index) => (ended(index) ? null : argmax(row))));
    }
  } finally {
    session.dispose();
    model.dispose();
  }
}

describe.skipIf(missing)("a captured step", () => {
  beforeAll(async () => {
    await start({ backend: "native", threads: 2 });
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each(cases)("of %s has the bits of a plain one", (_, config, options) => {
    const before = inUse();
    const replay = vi.spyOn(backend().engine, "replay");
    const recorded = [...steps(config, options)];
    const replayed = replay.mock.results.filter(({ value }) => value !== null).length;
    expect(replayed).toBeGreaterThanOrEqual(13);
    vi.spyOn(backend(), "capture").mockImplementation((f) => ({ outputs: f(), program: null, refusal: "not here" }));
    expect(recorded).toEqual([...steps(config, options)]);
    expect(inUse()).toEqual(before);
  });

  it.each<[object]>([
    [{ layout: "strided", stride: 9 }],
    [{ layout: "fixed", blockSize: 4, globalPatterns: 2 }],
    [{ layout: "variable", blockSize: 2, localBlocks: [1, 2], randomBlocks: 1, seed: 4 }],
    [{ layout: "bigbird", blockSize: 1, perHead: true, seed: 3 }],
    [{ layout: "bslongformer", blockSize: 4 }],
    [{ layout: "dilated", window: 16 }],
    [{ layout: "local-blocks", blockSize: 4 }],
    [{ layout: "local", window: 12, globalTokens: [0, 70] }],
  ])("of %j is the full forward, past eleven windows of twelve tokens", (attention) => {
    const replay = vi.spyOn(backend().engine, "replay");
    const model = createModel({ ...gpt, maxPositions: 200, attention } as ModelConfig & { family: "gpt" }, {
      weights: { seed: 5 },
    });
    const texts = prompts.slice(0, 2).map((prompt) => [...prompt]);
    const session = openDecodingSession(model, texts, { maxTokens: 150 });
    const found = [session.prefill()];
    for (let step = 0; step < 140; step++) {
      const tokens = found[step]!.map(argmax);
      for (const [row, token] of tokens.entries()) texts[row]!.push(token);
      found.push(session.decodeStep(tokens));
    }
    session.dispose();
    // Recorded once, and again whenever lists get longer.
    expect(replay.mock.results.filter(({ value }) => value !== null).length).toBeGreaterThanOrEqual(136);
    for (const [row, text] of texts.entries()) {
      const logits = tf.tidy(() => {
        const tokens = tf.tensor2d(text, [1, text.length], "int32");
        return model.logits(model.forward({ tokens }).hidden).arraySync() as number[][][];
      });
      const whole = logits[0]!.slice(prompts[row]!.length - 1);
      const gaps = whole.map((expected, step) =>
        Math.max(...expected.map((x, i) => Math.abs(x - found[step]![row]![i]!))),
      );
      expect(Math.max(...gaps)).toBeLessThan(1e-4);
    }
    model.dispose();
  });

  it("knows its own session, while others decode batches of other sizes", () => {
    const alone = [prompts, prompts.slice(1), [[7, 7]]].map((rows) => [...steps(llama, {}, rows)]);
    const together = [prompts, prompts.slice(1), [[7, 7]]].map((rows) => steps(llama, {}, rows));
    const found: Float32Array[][][] = [[], [], []];
    for (let step = 0; step < 15; step++) {
      for (const [i, session] of together.entries()) found[i]!.push(session.next().value!);
    }
    for (const session of together) session.return();
    expect(found).toEqual(alone);
  });
});
