/** Text that runs backwards is the same text: it costs what the row costs that is read from its other end. */
import type { PermutationBatch } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfig } from "@megatron-ts/model";
import { beforeAll, expect, it } from "vitest";
import { permutationObjective } from "./loss.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const sequenceLength = 7;
/** Places in the order in which they may be seen. */
const order = [4, 0, 6, 2, 1, 5, 3];
const places = order.toSorted((a, b) => a - b);
const targets = [1, 2, 5];
const tokens = [3, 9, 4, 1, 8, 2, 6];

const forwards: PermutationBatch = {
  batchSize: 1,
  sequenceLength,
  tokens: Int32Array.from(tokens),
  tokenTypes: Int32Array.from([0, 0, 0, 1, 1, 1, 2]),
  permutationMask: Uint8Array.from(
    places.flatMap((i) => places.map((j) => (order.indexOf(j) >= order.indexOf(i) ? 1 : 0))),
  ),
  targetPositions: Int32Array.from(targets),
  labels: Int32Array.from(targets, (place) => tokens[place]!),
  source: Int32Array.from([5, 7, 5, 1]),
};

/** The same row laid out from its end. */
const backwards: PermutationBatch = {
  ...forwards,
  tokens: forwards.tokens.toReversed(),
  tokenTypes: forwards.tokenTypes.toReversed(),
  permutationMask: forwards.permutationMask.toReversed(),
  targetPositions: forwards.targetPositions.map((place) => sequenceLength - 1 - place),
};

const families: Record<string, Partial<ModelConfig>> = {
  xlnet: {},
  "encoder-decoder": { maxPositions: 12, attentionWindow: 4 },
};

it.each(Object.entries(families))("%s", (family, fields) => {
  const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, vocabularySize: 20, initializerRange: 0.3 };
  // What a family's own model is, the objective asks of it.
  const model = createModel({ ...shape, ...fields, family } as never, { weights: { seed: 1 } }) as never;
  const loss = (rows: PermutationBatch) => permutationObjective.lossSum(model, rows, {}).dataSync()[0]!;
  const expected = loss(forwards);
  expect(loss({ ...backwards, reversed: Int32Array.of(1) })).toBeCloseTo(expected, 4);
  expect(Math.abs(loss({ ...backwards, reversed: Int32Array.of(0) }) - expected)).toBeGreaterThan(0.01);
});
