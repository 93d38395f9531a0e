/** Text that runs backwards is the same text: it costs what the row costs that is read from its other end. */
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfig } from "@megatron-ts/model";
import { beforeAll, expect, it } from "vitest";
import { type PermutationRows, permutationObjective } from "./permutation-objective.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const sequenceLength = 7;
/** Places in the order in which they may be seen. */
const order = [4, 0, 6, 2, 1, 5, 3];
const places = order.toSorted((a, b) => a - b);
const targets = [1, 2, 5];
const tokens = [3, 9, 4, 1, 8, 2, 6];

const forwards: PermutationRows = {
  batchSize: 1,
  sequenceLength,
  tokens: Int32Array.from(tokens),
  segments: Int32Array.from([0, 0, 0, 1, 1, 1, 2]),
  blocked: Uint8Array.from(places.flatMap((i) => places.map((j) => (order.indexOf(j) >= order.indexOf(i) ? 1 : 0)))),
  targets: Int32Array.from(targets),
  labels: Int32Array.from(targets, (place) => tokens[place]!),
  source: Int32Array.from([5, 7, 5, 1]),
};

/** The same row laid out from its end. */
const backwards: PermutationRows = {
  ...forwards,
  tokens: forwards.tokens.toReversed(),
  segments: forwards.segments.toReversed(),
  blocked: forwards.blocked.toReversed(),
  targets: forwards.targets.map((place) => sequenceLength - 1 - place),
};

const families: Record<string, Partial<ModelConfig>> = {
  xlnet: {},
  "encoder-decoder": { maxPositions: 12, attentionWindow: 4 },
};

it.each(Object.entries(families))("%s", (family, fields) => {
  const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 20, initializerRange: 0.3 };
  // What a family's own model is, the objective asks of it.
  const model = createModel({ ...shape, ...fields, family } as never, { weights: { seed: 1 } }) as never;
  const loss = (rows: PermutationRows) => permutationObjective.lossSum(model, rows, {}).dataSync()[0]!;
  const expected = loss(forwards);
  expect(loss({ ...backwards, reversed: Int32Array.of(1) })).toBeCloseTo(expected, 4);
  expect(Math.abs(loss({ ...backwards, reversed: Int32Array.of(0) }) - expected)).toBeGreaterThan(0.01);
});
