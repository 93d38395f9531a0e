/** The attributions of captum for models of other fixtures, exported by transformers: see fixtures/explain/make.py. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importHuggingFace, loadModel } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import type { Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attentionMaps } from "./attention-maps.ts";
import { gradientTimesInput } from "./attribution/gradient-times-input.ts";
import { integratedGradients } from "./attribution/integrated-gradients.ts";
import { leaveOneOut } from "./attribution/leave-one-out.ts";
import { headImportance } from "./head-importance.ts";
import { logitLens } from "./logit-lens.ts";
import { createReading, likeliestOutput } from "./reading.ts";

interface Case {
  model: string;
  tokens: number[];
  target: number;
  score: number;
  baselineScore: number;
  steps: number;
  integratedGradients: number[];
  gradientTimesInput: number[];
  leaveOneOut: number[];
  heads: number[][];
}

const fixtures = fileURLToPath(new URL("../../../fixtures/", import.meta.url));
const { cases } = JSON.parse(readFileSync(join(fixtures, "explain/golden.json"), "utf8")) as { cases: Case[] };
const directory = mkdtempSync(join(tmpdir(), "megatron-explain-"));
const models = new Map<string, Model>();
const readingOf = ({ model, tokens }: Case) => createReading(models.get(model)!, tokens);

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  for (const name of new Set(cases.map(({ model }) => model))) {
    await importHuggingFace(join(fixtures, name), join(directory, name));
    const { model, checkpoint } = loadModel(join(directory, name));
    checkpoint.close();
    models.set(name, model);
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Within 1e-4 of the largest; captum's are of float64. */
function expectClose(found: readonly number[], expected: readonly number[]): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(found).toHaveLength(expected.length);
  for (const [index, value] of found.entries()) {
    expect(Math.abs(value - expected[index]!), `${index}`).toBeLessThan(1e-4 * Math.max(largest, 0.1));
  }
}

describe.each(cases.map((one, index) => [`${one.model}, text ${index}`, one] as const))("%s", (_, golden) => {
  it("is attributed as by captum", () => {
    const reading = readingOf(golden);
    const { target } = golden;
    expect(likeliestOutput(reading)).toBe(target);
    const found = integratedGradients(reading, { target, steps: golden.steps });
    expectClose(found.attributions, golden.integratedGradients);
    expectClose([found.score, found.baselineScore], [golden.score, golden.baselineScore]);
    expectClose(gradientTimesInput(reading, { target }), golden.gradientTimesInput);
    expectClose(leaveOneOut(reading, { target }), golden.leaveOneOut);
  });

  it("has integrated gradients that add up to the difference within 1 %", () => {
    const { attributions, score, baselineScore } = integratedGradients(readingOf(golden), { target: golden.target });
    const sum = attributions.reduce((all, one) => all + one, 0);
    expect(Math.abs(sum - (score - baselineScore))).toBeLessThan(0.01 * Math.abs(score - baselineScore));
  });

  it("has heads that matter as much as factors on their outputs say", () => {
    const heads = headImportance(readingOf(golden), { target: golden.target }).map((layer) => layer.heads);
    expect(heads).toHaveLength(golden.heads.length);
    expectClose(heads.flat(), golden.heads.flat());
  });

  it("has attention maps whose rows add up to 1, of earlier tokens only in causal models", () => {
    const { model, tokens } = golden;
    const maps = attentionMaps(readingOf(golden));
    expect(maps).toHaveLength(models.get(model)!.config.numLayers);
    for (const row of maps.flatMap(({ heads }) => heads.flat())) {
      expect(row).toHaveLength(tokens.length);
      expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    }
    if (!models.get(model)!.predictors.causal) return;
    for (const head of maps.flatMap(({ heads }) => heads)) {
      for (const [query, row] of head.entries()) expect(row.slice(query + 1).every((share) => share === 0)).toBe(true);
    }
  });
});

describe("logitLens", () => {
  it("ends with the model's own predictions", () => {
    const golden = cases[0]!;
    const layers = logitLens(readingOf(golden), { target: golden.target });
    expect(layers.map(({ layer }) => layer)).toEqual(["embedding", "layers.0.output", "layers.1.output"]);
    const last = layers.at(-1)!;
    expect(last.likeliest.at(-1)!.token).toBe(golden.target);
    expect(last.target.at(-1)!).toBeCloseTo(Math.exp(golden.score), 6);
    const model = models.get(golden.model)!.predictors.causal!;
    const likeliest = tf.tidy(() => {
      const input = tf.tensor2d([golden.tokens], undefined, "int32");
      return Array.from(tf.argMax(model.logits(model.forward({ tokens: input }).hidden), -1).dataSync());
    });
    expect(last.likeliest.map(({ token }) => token)).toEqual(likeliest);
    // Layers before the last predict something else, or there would be nothing to see.
    expect(layers[0]!.likeliest.map(({ token }) => token)).not.toEqual(likeliest);
  });

  it("refuses a classifier", () => {
    const golden = cases.find(({ model }) => model.includes("classification"))!;
    expect(() => logitLens(readingOf(golden), { target: 0 })).toThrow(
      expect.objectContaining({ name: "ExplainError" }),
    );
  });
});

describe("createReading", () => {
  it.each([
    ["an empty text", [], {}],
    ["a text that is too long", Array(25).fill(1), {}],
    ["an id outside of the vocabulary", [101], {}],
    ["a position outside of the text", [1], { position: 1 }],
  ])("refuses %s", (_, tokens, options) => {
    expect(() => createReading(models.get("gpt2")!, tokens, options)).toThrow(
      expect.objectContaining({ name: "ExplainError" }),
    );
  });

  it("refuses a target that is no output, and frees what it allocates", () => {
    const reading = createReading(models.get("gpt2")!, [1, 2, 3]);
    const before = tf.memory().numTensors;
    expect(() => integratedGradients(reading, { target: 101 })).toThrow(/target 101/);
    integratedGradients(reading, { target: 3 });
    headImportance(reading, { target: 3 });
    logitLens(reading, { target: 3 });
    attentionMaps(reading);
    expect(tf.memory().numTensors).toBe(before);
  });
});
