/** What is measured is what its name says, and the same for every model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dataset, type MaskedBatch, openDataset, type PermutationBatch } from "@megatron-ts/data";
import { start } from "@megatron-ts/engine";
import { createModel, type Model } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ObjectiveConfig, objectiveConfigSchema } from "../objectives/configuration.ts";
import { writeCorpus } from "../testing/corpus.ts";
import { evaluate } from "./evaluate.ts";
import {
  type EvaluationOptions,
  openEvaluation,
  openPseudoEvaluation,
  type ValidationMetric,
} from "./open-evaluation.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-evaluation-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const texts = Array.from({ length: 6 }, (_, i) => [
  `The whale number ${i} was white. `,
  `It swam for ${i + 3} days. `,
  "Nobody saw it. ",
]);

let tokenizer: Tokenizer;
let dataset: Dataset;
/** The ids of each document, its end token among them. */
let documents: number[][];
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  ({ tokenizer, ids: documents } = await writeCorpus(join(directory, "corpus"), {
    documents: texts,
    endDocuments: true,
  }));
  dataset = await openDataset(join(directory, "corpus"));
});
afterAll(() => dataset?.close());

const shape = { numLayers: 1, hiddenSize: 16, numHeads: 2 } as const;
const build = (fields: object) =>
  createModel({ ...shape, vocabularySize: tokenizer.vocabularySize, ...fields } as never, {
    weights: { seed: 1 },
  }) as Model;
const options = (family: string, fields: Partial<EvaluationOptions> = {}): EvaluationOptions => ({
  dataset,
  documents: dataset.documentsOf("all"),
  tokenizer,
  readsSource: family === "encoder-decoder",
  sequenceLength: 16,
  batchSize: 2,
  ...fields,
});
const objective = (config: object): ObjectiveConfig => objectiveConfigSchema.parse(config);
const lossOf = (model: Model, { objective: loss, batches }: ValidationMetric) =>
  evaluate({ model, objective: loss }, batches);

describe("openEvaluation", () => {
  it.each([
    ["gpt", { maxPositions: 16 }, { name: "causal" }, "causal perplexity"],
    ["bert", { maxPositions: 16 }, { name: "masked" }, "masked-token perplexity"],
    ["xlnet", {}, { name: "permutation" }, "permuted perplexity"],
    ["encoder-decoder", { maxPositions: 16 }, { name: "denoising" }, "sequence perplexity"],
    ["t5", {}, { name: "span-corruption" }, "sequence perplexity"],
  ] as const)("measures a %s by its own objective", async (family, fields, config, name) => {
    const model = build({ family, ...fields });
    const [measured, ...others] = openEvaluation(objective(config), options(family));
    expect(others).toEqual([]);
    expect(measured).toMatchObject({ metric: name, predictsWholeText: config.name === "causal", pairAccuracy: null });
    const { loss, perplexity, tokens } = await lossOf(model, measured!);
    expect(perplexity).toBeCloseTo(Math.exp(loss), 4);
    expect(loss).toBeGreaterThan(0);
    expect(tokens).toBeGreaterThan(0);
    // Drawn alike each time.
    const [again] = openEvaluation(objective(config), options(family));
    expect((await lossOf(model, again!)).loss).toBe(loss);
  });

  it("excludes the pair loss from the masked-token perplexity, and measures pair accuracy", async () => {
    const model = build({ family: "bert", maxPositions: 24 });
    const config = objective({ name: "masked", pairs: "next-sentence" });
    const [measured] = openEvaluation(config, options("bert", { sequenceLength: 24 }));
    expect((measured!.batches.at(0) as MaskedBatch).pairLabels).toBeUndefined();
    const always = (verdict: 0 | 1, factor = 1): Model => {
      const pairLogits = (pooled: tf.Tensor) =>
        tf.mul(tf.oneHot(tf.fill([pooled.shape[0]!], verdict, "int32"), 2), factor);
      return { ...model, predictors: { masked: { ...model.predictors.masked!, pairLogits } } };
    };
    const [belongs, other] = await Promise.all(
      [0, 1].map((verdict) => measured!.pairAccuracy!(always(verdict as 0 | 1), {})),
    );
    const pairs = 2 * measured!.batches.length;
    expect(belongs! * pairs).toBeCloseTo(Math.round(belongs! * pairs), 9);
    expect(belongs! + other!).toBeCloseTo(1, 12);
    expect(Math.min(belongs!, other!)).toBeGreaterThan(0);
    expect(await measured!.pairAccuracy!(always(1, Number.NaN), {})).toBeNaN();
  });

  it.each(["xlnet", "encoder-decoder"] as const)("tells a %s which rows run backwards", (family) => {
    const [measured] = openEvaluation(objective({ name: "permutation" }), options(family));
    expect([...(measured!.batches.at(0) as unknown as PermutationBatch).reversed!]).toEqual([0, 1]);
  });

  it("measures each part of a mixture", () => {
    const parts = [
      { weight: 1, objective: { name: "masked" } },
      { weight: 2, objective: { name: "permutation" } },
    ];
    const measured = openEvaluation(objective({ name: "mixed", parts }), options("encoder-decoder"));
    expect(measured.map(({ metric }) => metric)).toEqual(["masked-token perplexity", "permuted perplexity"]);
  });
});

describe("openPseudoEvaluation", () => {
  it("masks every token of every document once, alone, but no special tokens", async () => {
    const { metric, batches } = openPseudoEvaluation(options("bert", { batchSize: 3, sequenceLength: 12 }));
    expect(metric).toBe("pseudo-perplexity");
    const [mask, padding] = ["[MASK]", "[PAD]"].map((name) => tokenizer.tokenToId(name)!);
    const seen: number[][] = [];
    for (let index = 0; index < batches.length; index++) {
      const { tokens, labels, lengths, sequenceLength } = batches.at(index) as MaskedBatch;
      lengths.forEach((length, row) => {
        const own = [...tokens.subarray(row * sequenceLength, (row + 1) * sequenceLength)];
        const hidden = own.indexOf(mask!);
        const ownLabels = [...labels.subarray(row * sequenceLength, (row + 1) * sequenceLength)];
        expect(ownLabels.filter((label) => label >= 0)).toHaveLength(1);
        expect(own.slice(length)).toEqual(Array(sequenceLength - length).fill(padding));
        expect([own[0], own[length - 1]]).toEqual(["[CLS]", "[SEP]"].map((name) => tokenizer.tokenToId(name)));
        own[hidden] = ownLabels[hidden]!;
        seen.push([hidden, ...own.slice(1, length - 1)]);
      });
    }
    const expected = documents.flatMap((document) =>
      Array.from({ length: Math.ceil(document.length / 10) }, (_, window) => {
        const text = document.slice(10 * window, 10 * window + 10);
        return text.flatMap((token, place) => (token === tokenizer.endOfText ? [] : [[place + 1, ...text]]));
      }).flat(),
    );
    expect(seen).toEqual(expected);
  });

  it("is exp of the mean of each token's loss given all others (Salazar et al. 2020)", async () => {
    const model = createModel(
      { family: "bert", ...shape, vocabularySize: tokenizer.vocabularySize, maxPositions: 40, initializerRange: 0.4 },
      { weights: { seed: 1 } },
    );
    const first = { documents: { start: 0, end: 1 }, sequenceLength: 40 };
    const { loss, tokens } = await lossOf(model, openPseudoEvaluation(options("bert", first)));
    const text = documents[0]!;
    const frame = (name: string) => tokenizer.tokenToId(name)!;
    const losses = text.flatMap((token, place) => {
      if (token === tokenizer.endOfText) return [];
      const hidden = [frame("[CLS]"), ...text.with(place, frame("[MASK]")), frame("[SEP]")];
      return tf.tidy(() => {
        const states = model.forward({ tokens: tf.tensor2d([hidden], undefined, "int32") }).hidden;
        const logits = tf.slice(model.logits(states), [0, place + 1, 0], [1, 1, -1]);
        return [-tf.logSoftmax(logits).dataSync()[token]!];
      });
    });
    expect(tokens).toBe(losses.length);
    expect(loss).toBeCloseTo(losses.reduce((sum, value) => sum + value, 0) / losses.length, 4);
  });
});
