/** What an expert checks first: initial loss, overfitting one batch, causality, ragged rows, and mutants. */
import { causalRanges } from "@megatron-ts/attention";
import type { CausalBatch } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type GptModel } from "@megatron-ts/model";
import { hashKey, words } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { causalObjective } from "../objectives/causal/loss.ts";
import { checkCausality, runners } from "../testing/causality.ts";
import { checkForward, checkGradients, checkTraining, loadGolden } from "../testing/gpt2-golden.ts";
import { accumulate } from "./accumulate.ts";
import { createAdamW } from "./adamw.ts";
import { clipByGlobalNorm } from "./gradients.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

function randomRows({ batchSize, sequenceLength, vocabularySize }: Record<string, number>): CausalBatch {
  const drawn = words(hashKey(9), batchSize! * sequenceLength! + 1);
  const ids = Int32Array.from(drawn, (word) => word % vocabularySize!);
  return { batchSize: batchSize!, sequenceLength: sequenceLength!, tokens: ids.slice(0, -1), labels: ids.slice(1) };
}

describe("a fresh model", () => {
  it.each([64, 256])("of hidden size %d starts at a loss of ln V", (hiddenSize) => {
    const vocabularySize = 1000;
    const model = createModel(
      {
        family: "gpt",
        numLayers: 2,
        hiddenSize,
        numHeads: 4,
        vocabularySize,
        maxPositions: 64,
        dropout: 0,
        attentionDropout: 0,
      },
      { weights: { seed: 11 } },
    );
    const batch = randomRows({ batchSize: 4, sequenceLength: 64, vocabularySize });
    const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 4 });
    expect(Math.abs(loss - Math.log(vocabularySize))).toBeLessThan(0.1);
    tf.dispose(gradients.tensors);
    model.dispose();
  });

  it("overfits one batch below 0.01", () => {
    const model = createModel(
      {
        family: "gpt",
        numLayers: 2,
        hiddenSize: 64,
        numHeads: 4,
        vocabularySize: 60,
        maxPositions: 16,
        dropout: 0,
        attentionDropout: 0,
      },
      { weights: { seed: 12 } },
    );
    const batch = randomRows({ batchSize: 2, sequenceLength: 16, vocabularySize: 60 });
    const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 });
    let last = Number.POSITIVE_INFINITY;
    for (let step = 0; step < 120; step++) {
      const { loss, gradients } = accumulate({ model, objective: causalObjective }, batch, { microBatchSize: 2 });
      optimizer.update(clipByGlobalNorm(gradients, { ...model, maxNorm: 1 }).clipped, 3e-3);
      last = loss;
    }
    expect(last).toBeLessThan(0.01);
    optimizer.dispose();
    model.dispose();
  });

  it("has the same loss and gradients in micro-batches, also with dropout", () => {
    const config = {
      family: "gpt",
      numLayers: 2,
      hiddenSize: 32,
      numHeads: 4,
      vocabularySize: 60,
      maxPositions: 16,
    } as const;
    const model = createModel({ ...config, dropout: 0.2, attentionDropout: 0.2 }, { weights: { seed: 12 } });
    const batch = randomRows({ batchSize: 6, sequenceLength: 16, vocabularySize: 60 });
    const random = { key: hashKey(1, 5), firstRow: 0, globalRows: 6 };
    const run = (microBatchSize: number, recompute: "none" | "full" = "none") =>
      accumulate({ model, objective: causalObjective }, batch, { microBatchSize, random, recompute });
    const [whole, parts, recomputed] = [run(6), run(2), run(6, "full")];
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect(recomputed.loss).toBe(whole.loss);
    whole.gradients.tensors.forEach((gradient, i) => {
      const scale = tf.max(tf.abs(gradient)).dataSync()[0]!;
      const difference = tf.max(tf.abs(tf.sub(gradient, parts.gradients.tensors[i]!))).dataSync()[0]!;
      expect(difference).toBeLessThanOrEqual(1e-5 * scale + 1e-8);
      expect(recomputed.gradients.tensors[i]!.dataSync()).toEqual(gradient.dataSync());
    });
    expect(parts.microBatchSquaredNorms).toHaveLength(3);
    model.dispose();
  });
});

describe("causality", () => {
  it.each(Object.entries(runners))("holds bit for bit when run %s", (_name, run) => checkCausality(loadGolden(), run));
});

describe("a ragged batch", () => {
  const lengths = [3, 7, 5];
  const width = 9;
  const rows = lengths.map((length, row) => Array.from({ length }, (_, i) => (row * 31 + i * 13 + 5) % 101));
  const statesOf = (model: GptModel, side: "left" | "right") =>
    tf.tidy(() => {
      const padOf = (row: number) => (side === "left" ? width - lengths[row]! : 0);
      const perToken = (value: (row: number, position: number) => number) =>
        Int32Array.from({ length: lengths.length * width }, (_, i) => value(Math.floor(i / width), i % width));
      const matrix = (values: Int32Array) => tf.tensor2d(values, [lengths.length, width], "int32");
      const hidden = model.forward({
        tokens: matrix(perToken((row, position) => rows[row]![position - padOf(row)] ?? 77)),
        positions: matrix(perToken((row, position) => Math.max(position - padOf(row), 0))),
        ranges: causalRanges({ batchSize: 3, tokens: width, keyStart: perToken((row) => padOf(row)) }),
      }).hidden;
      return lengths.map((length, row) => hidden.slice([row, padOf(row), 0], [1, length, -1]).dataSync());
    });

  it.each(["left", "right"] as const)("padded on the %s equals each row alone", (side) => {
    const model = loadGolden();
    const together = statesOf(model, side);
    rows.forEach((row, index) => {
      const alone = tf.tidy(() =>
        model.forward({ tokens: tf.tensor2d([row], [1, row.length], "int32") }).hidden.dataSync(),
      );
      expect(together[index]!.length).toBe(alone.length);
      alone.forEach((value, i) => {
        expect(Math.abs(together[index]![i]! - value)).toBeLessThan(1e-5);
      });
    });
    model.dispose();
  });
});

describe("a mutant fails a check:", () => {
  it("a mask off by one", () => {
    const model = loadGolden();
    const mutant: GptModel = {
      ...model,
      get predictors() {
        return { causal: mutant };
      },
      forward: (input, options) => {
        const [batchSize, tokens] = input.tokens.shape as [number, number];
        const last = Int32Array.from({ length: batchSize }, () => 1);
        return model.forward({ ...input, ranges: causalRanges({ batchSize, tokens, offsets: last }) }, options);
      },
    };
    expect(() => checkCausality(mutant, runners.full!)).toThrow(/sees token/);
    expect(() => checkForward(mutant)).toThrow();
  });

  it("scores not divided by sqrt(d)", () => {
    const factor = Math.sqrt(32 / 4);
    const mutant = loadGolden({
      change: (source) => (declaration) => {
        const tensor = source(declaration)!;
        return declaration.name.includes(".query.") ? tf.keep(tf.mul(tensor, factor)) : tensor;
      },
    });
    expect(() => checkForward(mutant)).toThrow(/layers\.0\.output/);
  });

  it("a head that is not tied", () => {
    const mutant = loadGolden({
      fields: { tiedEmbeddings: false },
      change: (source) => (declaration) =>
        declaration.name === "head.weight"
          ? source({ ...declaration, name: "tokenEmbedding.weight" })
          : source(declaration),
    });
    checkForward(mutant);
    expect(() => checkGradients(mutant)).toThrow(/gradient of tokenEmbedding/);
  });

  it("weight decay on norms", () => {
    const model = loadGolden();
    const decayed = new Map(
      [...model.parameters].map(([name, parameter]) => [
        name,
        Object.defineProperties(
          { decay: true },
          { ...Object.getOwnPropertyDescriptors(parameter), decay: { value: true } },
        ),
      ]),
    );
    expect(() => checkTraining({ ...model, parameters: decayed as never })).toThrow();
  });
});
