/** Models for longer texts than they were trained on: their configurations, and the rows of their positions. */
import { describe, expect, it } from "vitest";
import { formatForModel, lengthen, lengthenRows, modelConfigSchema } from "./index.ts";

const sizes = { numLayers: 1, hiddenSize: 8, numHeads: 2, vocabularySize: 11 };
const parse = (own: object) => modelConfigSchema.parse({ ...sizes, ...own });
const bert = parse({ family: "bert", maxPositions: 512 });
const llama = parse({
  family: "gpt",
  maxPositions: 128,
  positions: "rotary",
  norm: "rms",
  biases: false,
  gatedFeedForward: true,
  activation: "silu",
});

describe("lengthen", () => {
  it("gives a BERT of 512 tokens 4,096, and a window of what it was trained on", () => {
    const { config, table } = lengthen(bert, { maxPositions: 4096 });
    expect(config).toMatchObject({ maxPositions: 4096, attention: { layout: "local", window: 512 } });
    expect(table).toEqual({ name: "positionEmbedding.weight", method: "tile", reserved: 0, from: 512, to: 4096 });
    expect(lengthen(bert, { maxPositions: 4096, method: "interpolate" }).config.attention).toBeUndefined();
  });

  it("keeps RoBERTa's rows for padding, as Longformer does", () => {
    const roberta = parse({ family: "bert", maxPositions: 514, paddingToken: 1 });
    const { config, table } = lengthen(roberta, { maxPositions: 4096 });
    expect(config).toHaveProperty("maxPositions", 4098);
    expect(table).toMatchObject({ reserved: 2, from: 514, to: 4098 });
  });

  it("keeps a decoder's attention, and the rows that BART's files have more", () => {
    const gpt = parse({ family: "gpt", maxPositions: 16 });
    expect(lengthen(gpt, { maxPositions: 40 })).toMatchObject({ config: { ...gpt, maxPositions: 40 } });
    const bart = parse({ family: "encoder-decoder", maxPositions: 16, reservedPositions: 2 });
    expect(lengthen(bart, { maxPositions: 20 })).toMatchObject({
      config: { maxPositions: 20 },
      table: { reserved: 2, from: 18, to: 22 },
    });
  });

  it.each([
    [undefined, { rope_type: "dynamic", factor: 4 }],
    ["linear" as const, { rope_type: "linear", factor: 4 }],
    ["yarn" as const, { rope_type: "yarn", factor: 4, original_max_position_embeddings: 128, beta_fast: 32 }],
    ["llama3" as const, { rope_type: "llama3", factor: 4, low_freq_factor: 1, high_freq_factor: 4 }],
  ])("scales rotary positions by %s, as transformers' config.json has it", (method, expected) => {
    const { config, table } = lengthen(llama, { maxPositions: 512, method });
    expect(table).toBeNull();
    const json = formatForModel(config).toHuggingFace(config);
    expect(json.rope_parameters).toMatchObject(expected);
    expect(formatForModel(config).fromHuggingFace(json)).toMatchObject({ maxPositions: 512 });
  });

  it("changes nothing but the limit where biases grow with distances", () => {
    const alibi = parse({ family: "gpt", maxPositions: 16, positions: "alibi" });
    expect(lengthen(alibi, { maxPositions: 40 })).toEqual({ config: { ...alibi, maxPositions: 40 }, table: null });
  });

  it.each<[string, object, object, RegExp]>([
    ["relative positions", { family: "t5" }, { maxPositions: 4096 }, /relative/],
    ["no more tokens", bert, { maxPositions: 512 }, /takes 512 tokens already/],
    ["a method for rotary positions", bert, { maxPositions: 600, method: "yarn" }, /tile or interpolate/],
    ["a method for learned positions", llama, { maxPositions: 600, method: "tile" }, /dynamic/],
    [
      "rotary positions that are scaled",
      { ...llama, rotaryScaling: { type: "linear", factor: 2 } },
      { maxPositions: 600 },
      /scaled already/,
    ],
  ])("refuses %s", (_, config, options, message) => {
    expect(() => lengthen(parse(config), options as { maxPositions: number })).toThrow(message);
  });
});

describe("lengthenRows", () => {
  const table = { name: "", reserved: 1, from: 4, to: 8 };
  const rows = Float32Array.of(9, 9, 0, 10, 1, 20, 2, 30);

  it("tiles what follows the reserved rows", () => {
    const longer = lengthenRows(rows, { ...table, method: "tile" });
    expect([...longer]).toEqual([9, 9, 0, 10, 1, 20, 2, 30, 0, 10, 1, 20, 2, 30, 0, 10]);
  });

  it("interpolates from the first to the last", () => {
    const longer = lengthenRows(rows, { ...table, to: 6, method: "interpolate" });
    expect([...longer.subarray(0, 4)]).toEqual([9, 9, 0, 10]);
    expect(longer[4]).toBeCloseTo(0.5);
    expect([...longer.subarray(-2)]).toEqual([2, 30]);
  });
});
