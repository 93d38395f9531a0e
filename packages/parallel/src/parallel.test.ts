import { start } from "@megatron-ts/engine";
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Communicator,
  countParameters,
  createColumnParallelLinear,
  createRowParallelLinear,
  createScope,
  createVocabularyParallelEmbedding,
  fromSeed,
  type Mesh,
  normal,
  shapeOnly,
  singleRank,
  singleRankMesh,
  truncatedNormal,
} from "./index.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

/**
 * A mesh with one rank of a tensor axis. A test double: its ranks run one after the other, and the test adds their
 * sums.
 */
function rankOf(rank: number, size: number): Mesh {
  const communicator: Communicator = { ...singleRank, rank, size };
  return { ...singleRankMesh, tensor: communicator };
}

describe("scope", () => {
  it("names weights by path and rejects duplicate names", () => {
    const { scope, parameters } = createScope({ mesh: singleRankMesh, source: shapeOnly });
    const layer = scope.child("layers").child(0);
    layer.parameter("weight", [2, 3], normal(1));
    scope.child("layers").child(1).parameter("weight", [4], normal(1));
    expect([...parameters.keys()]).toEqual(["layers.0.weight", "layers.1.weight"]);
    expect(layer.declared().map(({ name }) => name)).toEqual(["layers.0.weight"]);
    expect(countParameters(parameters)).toBe(10);
    expect(() => layer.parameter("weight", [1], normal(1))).toThrow("layers.0.weight is declared twice");
    expect(() => parameters.get("layers.0.weight")!.tensor).toThrow("by shape only");
  });

  it("applies weight decay to matrices only, by default", () => {
    const { scope, parameters } = createScope({ mesh: singleRankMesh, source: shapeOnly });
    createColumnParallelLinear(scope, { inputs: 2, outputs: 3, initializer: normal(1) });
    scope.parameter("biasByHead", [2, 3], normal(1), { decay: false });
    expect([...parameters.values()].map(({ name, decay }) => [name, decay])).toEqual([
      ["weight", true],
      ["bias", false],
      ["biasByHead", false],
    ]);
  });

  it("tells matrices from embeddings, heads and the rest", () => {
    const { scope, parameters } = createScope({ mesh: singleRankMesh, source: shapeOnly });
    const size = { inputs: 2, outputs: 3, initializer: normal(1) };
    createRowParallelLinear(scope.child("layer"), size);
    createColumnParallelLinear(scope.child("head"), { ...size, kind: "head", bias: false });
    createVocabularyParallelEmbedding(scope.child("table"), {
      vocabularySize: 4,
      hiddenSize: 2,
      initializer: normal(1),
    });
    scope.parameter("biasByHead", [2, 3], normal(1), { decay: false });
    scope.parameter("segments", [2, 2, 3], normal(1));
    expect(Object.fromEntries([...parameters.values()].map(({ name, kind }) => [name, kind]))).toEqual({
      "layer.weight": "matrix",
      "layer.bias": "scalar",
      "head.weight": "head",
      "table.weight": "embedding",
      biasByHead: "scalar",
      segments: "scalar",
    });
  });

  it("rejects a split with a remainder", () => {
    const { scope } = createScope({ mesh: rankOf(0, 4), source: shapeOnly });
    expect(() => createColumnParallelLinear(scope, { inputs: 8, outputs: 6, initializer: normal(1) })).toThrow(
      /weight \[6,8\].*4 ranks.*dimension 0 \(6\)/,
    );
  });
});

describe("initial values", () => {
  it.each([
    ["column", 0],
    ["row", 1],
  ] as const)("do not depend on the split of a %s-parallel weight", (_kind, dim) => {
    for (const initializer of [normal(0.5), truncatedNormal(0.5)]) {
      const declare = (mesh: Mesh) =>
        createScope({ mesh, source: fromSeed(3) })
          .scope.child("layer")
          .parameter("weight", [6, 8], initializer, { placement: { dimension: dim, axis: "tensor" } }).tensor;
      const whole = declare(singleRankMesh);
      const parts = tf.concat([declare(rankOf(0, 2)), declare(rankOf(1, 2))], dim);
      expect(parts.dataSync()).toEqual(whole.dataSync());
    }
  });

  it("differ by name and by seed", () => {
    const draw = (seed: number, name: string) =>
      createScope({ mesh: singleRankMesh, source: fromSeed(seed) })
        .scope.parameter(name, [50], normal(1))
        .tensor.dataSync();
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
    expect(draw(1, "a")).not.toEqual(draw(2, "a"));
  });
});

describe("split layers", () => {
  const initializer = normal(0.5);

  it("column then row: the ranks' partial sums add up to the whole, and so do their input gradients", () => {
    function build(mesh: Mesh) {
      const { scope } = createScope({ mesh, source: fromSeed(3) });
      const widen = createColumnParallelLinear(scope.child("widen"), { inputs: 4, outputs: 6, initializer });
      const narrow = createRowParallelLinear(scope.child("narrow"), { inputs: 6, outputs: 4, initializer });
      return (x: tf.Tensor) => narrow(widen(x));
    }
    const x = tf.randomNormal([3, 4], 0, 1, "float32", 5);
    const dy = tf.randomNormal([3, 4], 0, 1, "float32", 6);
    function run(mesh: Mesh) {
      const { outputs, pullback } = vjp(build(mesh), [x]);
      return [outputs[0]!, pullback([dy]).inputs[0]!] as const;
    }
    const whole = run(singleRankMesh);
    const ranks = [run(rankOf(0, 2)), run(rankOf(1, 2))];
    whole.forEach((expected, i) => {
      const sum = tf.add(ranks[0]![i]!, ranks[1]![i]!).dataSync();
      expected.dataSync().forEach((value, j) => {
        expect(sum[j]!).toBeCloseTo(value, 5);
      });
    });
  });

  it("embedding: each token's row comes from the one rank that holds it; logits are slices of the vocabulary", () => {
    const build = (mesh: Mesh) =>
      createVocabularyParallelEmbedding(createScope({ mesh, source: fromSeed(3) }).scope, {
        vocabularySize: 10,
        hiddenSize: 4,
        initializer,
      });
    const ids = tf.tensor2d(
      [
        [0, 4, 5],
        [9, 4, 1],
      ],
      [2, 3],
      "int32",
    );
    const whole = build(singleRankMesh);
    const ranks = [build(rankOf(0, 2)), build(rankOf(1, 2))];
    expect(tf.add(ranks[0]!.embed(ids), ranks[1]!.embed(ids)).dataSync()).toEqual(whole.embed(ids).dataSync());
    const hidden = tf.randomNormal([2, 4], 0, 1, "float32", 7);
    const logits = tf
      .concat(
        ranks.map((rank) => rank.logits(hidden)),
        -1,
      )
      .dataSync();
    whole
      .logits(hidden)
      .dataSync()
      .forEach((value, i) => {
        expect(logits[i]!).toBeCloseTo(value, 5);
      });
  });
});
