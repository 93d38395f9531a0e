/** Every value of a checkpoint is written by exactly one rank, and each rank writes about as much as the others. No rank runs here. */
import { createHash } from "node:crypto";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createMesh, type Parameter, type Transport } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { isForMuon } from "../step/muon.ts";
import { createShards } from "../step/shards.ts";
import { boxesOf } from "./tensor-boxes.ts";
import { trainingEntries } from "./training-entries.ts";

beforeAll(() => start({ backend: "cpu" }));

const model = {
  ...{ family: "gpt" as const, numLayers: 2, hiddenSize: 64, numHeads: 4, maxPositions: 32, vocabularySize: 1021 },
} as const;

interface Split {
  tensor: number;
  pipeline: number;
  data: number;
  context?: number;
  /** Whether the replicas share the optimizer's state, and whether it needs whole matrices. */
  shared?: "cut" | "whole";
}

/** A rank that sends nothing. */
const silent = (rank: number, size: number) =>
  ({ rank, size, hosts: [], work() {} }) as Partial<Transport> as Transport;

/** The entries of each rank. Its optimizer's state, `first.`, has the values of the weights. */
function entriesOfRanks({ shared, ...layout }: Split) {
  const { tensor, pipeline, data, context = 1 } = layout;
  const size = tensor * pipeline * data * context;
  return Array.from({ length: size }, (_, rank) => {
    const mesh = createMesh(silent(rank, size), layout);
    const own = createModel(model, { mesh, weights: { seed: 1 }, stages: Array(pipeline).fill(2 / pipeline) });
    const isWhole = shared === "whole" ? isForMuon : () => false;
    const shards = shared ? createShards(own.parameters, { axis: mesh.replicas, isWhole }) : null;
    const owned = shards?.parameters ?? own.parameters;
    const state = [...own.parameters.values()].flatMap((parameter): [string, tf.Tensor][] => {
      const name = `first.${parameter.name}`;
      if (!owned.has(parameter.name)) return [];
      const { from, to } = shards?.rangeOf(parameter) ?? { from: 0, to: parameter.tensor.size };
      return [[name, tf.tensor1d(parameter.tensor.dataSync().slice(from, to) as Float32Array)]];
    });
    const isTiedTo = (parameter: Parameter) =>
      pipeline > 1 && mesh.pipeline.rank > 0 && parameter.name === "tokenEmbedding.weight";
    const entries = trainingEntries({
      ...{ model: own, shards, average: null, isFirst: (parameter) => !isTiedTo(parameter) },
      optimizer: { step: 0, state: new Map(state), update: () => {}, dispose: () => {} },
    });
    const group = (name: "weights" | "optimizer") =>
      entries[name].map(({ bytes, ...entry }) => ({
        ...entry,
        values: new Float32Array(bytes().buffer as ArrayBuffer),
      }));
    const found = { weights: group("weights"), optimizer: group("optimizer") };
    own.dispose();
    tf.dispose(state.map(([, value]) => value));
    return found;
  });
}

type Entries = ReturnType<typeof entriesOfRanks>[number]["weights"];

/** The digests of the whole tensors. Fails where a value is written twice; one that is never written is NaN. */
function assemble(entries: Entries): Record<string, string> {
  const whole = new Map<string, Float32Array>();
  for (const { name, shape, box, values } of entries) {
    const of = box?.of ?? shape;
    const size = of.reduce((product, length) => product * length, 1);
    if (!whole.has(name)) whole.set(name, new Float32Array(size).fill(Number.NaN));
    const into = whole.get(name)!;
    values.forEach((value, index) => {
      let [rest, place, stride] = [index, 0, 1];
      for (let dimension = of.length - 1; dimension >= 0; dimension--) {
        place += ((rest % shape[dimension]!) + (box?.origin[dimension] ?? 0)) * stride;
        rest = Math.floor(rest / shape[dimension]!);
        stride *= of[dimension]!;
      }
      if (!Number.isNaN(into[place])) throw new Error(`${name} has its value ${place} twice`);
      into[place] = value;
    });
  }
  const digest = (values: Float32Array) => createHash("sha256").update(values).digest("hex");
  return Object.fromEntries([...whole].map(([name, values]) => [name, digest(values)]));
}

const valuesIn = (entries: Entries) => entries.reduce((sum, { values }) => sum + values.length, 0);

const splits: Split[] = [
  { tensor: 2, pipeline: 2, data: 2, shared: "cut" },
  { tensor: 1, pipeline: 1, data: 4, shared: "whole" },
  { tensor: 4, pipeline: 1, data: 1 },
  { tensor: 1, pipeline: 2, data: 1 },
  { tensor: 1, pipeline: 1, data: 8 },
  { tensor: 2, pipeline: 1, data: 2, context: 2, shared: "cut" },
];

describe("what ranks write of a checkpoint", () => {
  it.each(splits)("is everything once, and as much on each: %o", (split) => {
    const [solo] = entriesOfRanks({ tensor: 1, pipeline: 1, data: 1 });
    const ranks = entriesOfRanks(split);
    const names = (entries: Entries) => [...new Set(entries.map(({ name }) => name))];
    expect(names(ranks.flatMap(({ weights }) => weights))).toEqual(names(solo!.weights));
    for (const group of ["weights", "optimizer"] as const) {
      expect(assemble(ranks.flatMap((entries) => entries[group]))).toEqual(assemble(solo![group]));
      // Ranks of a stage write alike, but for moments: Muon needs whole matrices, and the last stage leaves to the first what both have.
      const stages = ranks.length / split.pipeline;
      for (let first = 0; first < ranks.length; first += stages) {
        const counts = ranks.slice(first, first + stages).map((entries) => valuesIn(entries[group]));
        const mean = counts.reduce((sum, count) => sum + count, 0) / stages;
        if (group === "weights" || (split.shared !== "whole" && first === 0))
          expect(Math.max(...counts) / mean).toBeLessThan(1.15);
      }
    }
  });
});

describe("the boxes of a flat range", () => {
  it("have its elements in its order, and are few", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.nat(), fc.nat(), (shape, a, b) => {
        const size = shape.reduce((product, length) => product * length, 1);
        const [from, to] = [a % (size + 1), b % (size + 1)].toSorted((x, y) => x - y) as [number, number];
        const boxes = boxesOf({ from, to }, shape);
        const indices = boxes.flatMap((box) => {
          let all = [0];
          shape.forEach((length, dimension) => {
            const along = Array.from({ length: box.shape[dimension]! }, (_, i) => box.origin[dimension]! + i);
            all = all.flatMap((outer) => along.map((at) => outer * length + at));
          });
          return all;
        });
        expect(indices).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
        expect(boxes.length).toBeLessThanOrEqual(Math.max(1, 2 * shape.length - 1));
      }),
    );
  });
});
