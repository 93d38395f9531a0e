/** Encoder-decoders and XLNet: decoding token by token equals whole forwards. */
import { start } from "@megatron-ts/engine";
import {
  createModel,
  type EncoderDecoderModel,
  type Model,
  type SequenceToSequenceModel,
  type XlnetModel,
} from "@megatron-ts/model";
import { hashKey, uniforms } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { decode } from "../decode.ts";
import { sample } from "../sampling/sample.ts";
import { decodeRows } from "../testing/decode-rows.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 30 } as const;
const weights = { seed: 5 };
const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];
const startToken = 1;

const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");

/** Samples the tokens of a row from the logits that a function predicts from the tokens so far. */
function sampleTokens(count: number, row: number, next: (written: number[]) => tf.Tensor): number[] {
  const written: number[] = [];
  const draws = uniforms(hashKey(0, "sample", row), count);
  for (const uniform of draws) {
    const logits = tf.tidy(() => next(written).dataSync().slice(-shape.vocabularySize) as Float32Array);
    written.push(sample(logits, { uniform, seen: [] }));
  }
  return written;
}

const nextOfSequence = (model: SequenceToSequenceModel, prompt: number[]) => (written: number[]) => {
  const memory = model.encode({ tokens: ids([prompt]) }).hidden;
  return model.logits(model.forward({ tokens: ids([[startToken, ...written]]), memory }).hidden);
};

/** The query stream at the next position, under the identity permutation. */
const nextOfQuery = (model: EncoderDecoderModel, prompt: number[]) => (written: number[]) => {
  const tokens = [...written, 0, 0];
  const blocked = tokens.map((_, i) => tokens.map((_, j) => (j > i ? 1 : 0)));
  const streams = model.predictors.permutation.forward({
    tokens: ids([tokens]),
    targets: ids([[written.length]]),
    permutationMask: tf.tensor3d([blocked]),
    source: { tokens: ids([prompt]) },
  });
  return model.logits(streams.query!);
};

/** The query stream at a token that no other attends to, as transformers generates with XLNet. */
const nextOfPermutation = (model: XlnetModel, prompt: number[]) => (written: number[]) => {
  const tokens = [...prompt, ...written, 7];
  const blocked = tokens.map(() => tokens.map((_, j) => (j === tokens.length - 1 ? 1 : 0)));
  const input = { tokens: ids([tokens]), targets: ids([[tokens.length - 1]]), permutationMask: tf.tensor3d([blocked]) };
  return model.logits(model.forward(input).query!);
};

const megatron = (fields: object = {}) =>
  createModel(
    { family: "encoder-decoder", maxPositions: 20, initializerRange: 0.4, ...shape, ...fields },
    { weights },
  ) as EncoderDecoderModel;
const t5 = () => createModel({ family: "t5", numDecoderLayers: 1, initializerFactor: 1.5, ...shape }, { weights });
const xlnet = () => createModel({ family: "xlnet", initializerRange: 0.4, ...shape }, { weights });

const cases: [
  string,
  {
    model: () => Model;
    next: (model: never, prompt: number[]) => (written: number[]) => tf.Tensor;
    prediction?: "permutation";
  },
][] = [
  ["an encoder-decoder", { model: megatron, next: nextOfSequence }],
  ["sparse local attention", { model: () => megatron({ attentionWindow: 4 }), next: nextOfSequence }],
  [
    "XLNet's blocks in both stacks",
    { model: () => megatron({ relativeDistances: true, normPlacement: "post" }), next: nextOfSequence },
  ],
  ["T5", { model: t5, next: nextOfSequence }],
  ["a query stream", { model: () => megatron({ numTokenTypes: 2 }), next: nextOfQuery, prediction: "permutation" }],
  [
    "a query stream with sparse local attention",
    { model: () => megatron({ attentionWindow: 4 }), next: nextOfQuery, prediction: "permutation" },
  ],
  ["XLNet", { model: xlnet, next: nextOfPermutation }],
];

describe.each(cases)("decode with %s", (_, { model: create, next, prediction }) => {
  const kind = { startToken, prediction };

  it("equals whole forwards, for prompts of different lengths", () => {
    const model = create();
    const expected = prompts.map((prompt, row) => sampleTokens(9, row, next(model as never, prompt)));
    expect(decodeRows(model, prompts, { maxTokens: 9, ...kind })).toEqual(expected);
    expect(new Set(expected.flat()).size).toBeGreaterThan(5);
    model.dispose();
  });

  it("is reproducible by seed, alone and in a batch, and leaks no tensors", () => {
    const model = create();
    const before = tf.memory().numTensors;
    const options = { maxTokens: 6, temperature: 1.2, topK: 20, topP: 0.95, seed: 7, ...kind };
    const together = decodeRows(model, prompts, options);
    expect(decodeRows(model, [prompts[0]!], options)).toEqual([together[0]!]);
    expect(decodeRows(model, prompts, { ...options, seed: 8 })).not.toEqual(together);
    const stopTokens = [together[2]![1]!];
    const [, , stopped] = decodeRows(model, prompts, { ...options, stopTokens });
    expect(stopped).toEqual(together[2]!.slice(0, together[2]!.indexOf(stopTokens[0]!) + 1));
    for (const _token of decode(model, prompts, options)) break;
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

describe("decode", () => {
  it("ends at the decoder's last position, with either stream", () => {
    const model = megatron({ maxPositions: 8 });
    for (const prediction of ["sequence-to-sequence", "permutation"] as const) {
      const written = decodeRows(model, prompts.slice(0, 2), { maxTokens: 30, temperature: 0, startToken, prediction });
      expect(written.map(({ length }) => length)).toEqual([8, 8]);
    }
  });

  it("runs the encoder once, and projects its states once per layer", () => {
    const model = megatron();
    let encoded = 0;
    const memories: tf.Tensor[] = [];
    const counting: SequenceToSequenceModel = {
      ...model,
      get predictors() {
        return { "sequence-to-sequence": counting };
      },
      encode: (...input) => {
        encoded++;
        return model.encode(...input);
      },
      forward: (input, options) => {
        memories.push(input.memory);
        const states = model.forward(input, options);
        expect([...options!.cache!.memory.values()].map(({ shape: [batch, positions] }) => [batch, positions])).toEqual(
          Array(2 * shape.numLayers).fill([1, 5]),
        );
        return states;
      },
    };
    decodeRows(counting, [prompts[0]!], { maxTokens: 4, startToken });
    expect(encoded).toBe(1);
    expect(new Set(memories).size).toBe(1);
  });

  it.each([
    [{}, /startToken/],
    [{ startToken, prompts: [[]] }, /empty/],
    [{ startToken, prompts: [new Array(21).fill(1)] }, /21 tokens.*20/],
    [{ prediction: "permutation", model: { relativeDistances: true, normPlacement: "post" } }, /position embeddings/],
  ])("rejects %j", (given, message) => {
    const {
      prompts: rows = prompts,
      model: fields,
      ...options
    } = given as {
      prompts?: number[][];
      model?: object;
      startToken?: number;
    };
    expect(() => decodeRows(megatron(fields), rows, { maxTokens: 2, ...options })).toThrow(message);
  });
});
