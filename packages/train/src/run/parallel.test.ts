/**
 * Runs split over rank threads equal runs of one rank, dropout included: losses, gradient norms, validation, resumption.
 * Families besides GPT and BERT only with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/parallel.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { listCheckpoints, loadLatestCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose as expectSameLosses } from "../testing/reported.ts";
import type { TrainingOutcome } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const size = "numLayers: 2, hiddenSize: 32, numHeads: 4, maxPositions: 32, dropout: 0.1, attentionDropout: 0.1";
const gpt = `{ family: gpt, ${size} }`;
const bert = `{ family: bert, ${size}, heads: { pooler: true, languageModel: true, pair: true } }`;
const pairs: [string, string] = ["train.objective", "{ name: masked, pairs: next-sentence }"];

/** Everything that a run reports which does not depend on the machine. */
function reported({ events }: TrainingOutcome): number[] {
  return events.flatMap((event) => {
    if (event.type === "evaluated") return [event.result.loss, event.result.perplexity];
    if (event.type !== "report") return [];
    const { step, loss, gradientNorm, learningRate } = event.report;
    return [step, loss, gradientNorm, learningRate, event.noise?.noiseScale ?? 0];
  });
}

function expectClose(found: TrainingOutcome, expected: TrainingOutcome): void {
  const [a, b] = [reported(found), reported(expected)];
  expect(a).toHaveLength(b.length);
  a.forEach((value, i) => {
    expect(Math.abs(value - b[i]!) / Math.abs(b[i]! || 1), `${i}: ${value} and ${b[i]}`).toBeLessThan(1e-5);
  });
}

/** Bytes that rank 0 sends in a step without evaluation. */
const bytesPerStep = ({ sentBytes }: TrainingOutcome) => sentBytes[3]! - sentBytes[2]!;

function parametersOf({ events }: TrainingOutcome): number {
  const started = events.find((event) => event.type === "started");
  return started!.parameters;
}

/** The loss with what belongs to it, the duration, the time that each rank worked, and whether to stop: seven numbers of 8 bytes. */
const NUMBERS_PER_STEP = 56;

describe("data parallel", () => {
  let solo: TrainingOutcome;
  let whole: TrainingOutcome;
  const overrides: [string, string][] = [["train.microBatchSize", "2"]];
  beforeAll(async () => {
    solo = await runs.solo(runs.task("solo", gpt, { overrides }));
  });

  it("20 steps of GPT equal those of one rank, and gradients travel once a step", async () => {
    const found = await runs.threads(runs.task("data", gpt, { overrides, layout: { data: 2 } }), 2);
    whole = found;
    expect(found).toMatchObject({ step: 20, reason: "completed" });
    expectClose(found, solo);
    expect(bytesPerStep(found)).toBe(4 * parametersOf(found) + NUMBERS_PER_STEP);
  });

  it("learns from a teacher as one rank does, at every split", async () => {
    const teacher = join(runs.directory, "solo");
    const few: [string, string][] = [
      ...overrides,
      ["distill", `{ teacher: ${teacher}, weight: 0.7 }`],
      ["train.steps", "3"],
    ];
    const alone = await runs.solo(runs.task("taught", gpt, { overrides: few }));
    expect(alone.events.find(({ type }) => type === "report")).not.toMatchObject({
      report: { loss: solo.events.flatMap((event) => (event.type === "report" ? [event.report.loss] : []))[0] },
    });
    const splits = [{ data: 2 }, { tensor: 2 }, { pipeline: 2 }, { context: 2 }];
    const tasks = splits.map((layout, i) => runs.task(`taught ${i}`, gpt, { overrides: few, layout }));
    for (const found of await runs.threadsInTurn(tasks, 2)) expectSameLosses(found, alone);
    const layout = { tensor: 2, pipeline: 2 };
    expectSameLosses(await runs.threads(runs.task("taught both", gpt, { overrides: few, layout }), 4), alone);
    const deep = runs.task("taught deep", gpt.replace("numLayers: 2", "numLayers: 4"), {
      overrides: few,
      layout: { pipeline: 2, virtualStages: 2 },
    });
    await expect(runs.threads(deep, 2)).rejects.toThrow(
      /^distill\.teacher: .* a layer for each of 4 stages; .* has 2$/,
    );
  });

  it("stops all where one rank meets NaN, which names rank, host and step and saves nothing of it", async () => {
    const task = runs.task("nan", gpt, { overrides, layout: { data: 2 }, nan: { rank: 1, after: 3 } });
    await expect(runs.threads(task, 2)).rejects.toMatchObject({
      name: "NonFiniteError",
      userError: false,
      message: expect.stringMatching(new RegExp(`^step 4, rank 1 on ${hostname()}: `)),
    });
    expect(listCheckpoints(join(runs.directory, "nan"))).toEqual([]);
  });

  it("reports the rank that the others wait for", async () => {
    const few: [string, string][] = [...overrides, ["train.steps", "5"], ["train.log.every", "5"]];
    const slow = { rank: 1, milliseconds: 60 };
    const { events } = await runs.threads(runs.task("slow", gpt, { overrides: few, layout: { data: 2 }, slow }), 2);
    const { ranks } = events.findLast((event) => event.type === "report")!;
    expect(ranks).toMatchObject({ slowest: 1, host: hostname(), others: ranks!.milliseconds[0] });
    // Two micro-batches a step.
    expect(ranks!.milliseconds[1]).toBeGreaterThan(120);
    const lines = readFileSync(join(runs.directory, "slow", "metrics.jsonl"), "utf8")
      .trim()
      .split("\n");
    const { milliseconds } = ranks!;
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ step: 5, rankMilliseconds: milliseconds, slowestRank: 1, slowestRankHost: hostname() }),
    );
  });

  it("stops all where one rank hangs, which names rank, host and step, and resumes to the same end", async () => {
    const task = (name: string, options: object) =>
      runs.task(name, gpt, { overrides, layout: { data: 2 }, ...options });
    const hanging = task("hang", { fate: { rank: 1, after: 13, how: "hang" } });
    await expect(runs.threads(hanging, 2, 1)).rejects.toMatchObject({
      name: "RankError",
      step: 13,
      message: expect.stringMatching(new RegExp(`^after step 13: rank 1 on ${hostname()} `)),
    });
    const rest = reported(await runs.threads(task("hang", { resume: "auto" }), 2));
    expect(rest).toHaveLength(10 * 5 + 2);
    expect(rest).toEqual(reported(whole).slice(-rest.length));
  });

  it("refuses ranks that disagree, before anything is written", async () => {
    const rankOverrides = { 1: [["train.seed", "4321"] as [string, string]] };
    const task = runs.task("disagree", gpt, { layout: { data: 2 }, rankOverrides });
    await expect(runs.threads(task, 2)).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(/4321/),
    });
    expect(existsSync(join(runs.directory, "disagree", "recipe.yaml"))).toBe(false);
  });

  it("refuses a mesh that is not the recipe's", async () => {
    await expect(runs.solo(runs.task("alone", gpt, { layout: { data: 2 } }))).rejects.toMatchObject({
      problems: [expect.objectContaining({ path: "parallel.data" })],
    });
  });
});

describe("tensor parallel", () => {
  /** An odd vocabulary, grouped heads, norms of queries and keys, a head of its own. */
  const modern =
    `{ family: gpt, ${size}, vocabularySize: 325, numKeyValueHeads: 2, queryKeyNorm: true, tiedEmbeddings: false, ` +
    "positions: rotary, norm: rms, biases: false, gatedFeedForward: true, activation: silu }";

  const odd = gpt.replace("{", "{ vocabularySize: 325,");
  const tensor = { tensor: 2 };

  it("20 steps of a modern GPT equal those of one rank", async () => {
    const alone = await runs.solo(runs.task("modern alone", modern));
    expectClose(await runs.threads(runs.task("modern", modern, { layout: tensor }), 2), alone);
  });

  it("20 steps of BERT with pairs, its batches split too, equal those of one rank", async () => {
    const overrides = [pairs];
    const alone = await runs.solo(runs.task("bert alone", bert, { overrides }));
    const layout = { tensor: 2, data: 2 };
    expectClose(await runs.threads(runs.task("bert", bert, { overrides, layout }), 4), alone);
  });

  it("Muon updates whole matrices as one rank does, with the distributed optimizer too", async () => {
    const muon = "{ name: muon, learningRate: 0.01, cautious: true, precision: f32, adamw: { learningRate: 1e-3 } }";
    const overrides: [string, string][] = [
      ["train.optimizer", muon],
      ["train.steps", "8"],
    ];
    const alone = await runs.solo(runs.task("muon alone", modern, { overrides }));
    expectClose(await runs.threads(runs.task("muon", modern, { overrides, layout: tensor }), 2), alone);
    const shared: [string, string] = ["parallel.distributedOptimizer", "true"];
    const four = { overrides: [...overrides, shared], layout: { tensor: 2, data: 2 } };
    expectClose(await runs.threads(runs.task("muon on four", modern, four), 4), alone);
  });

  it.skipIf(process.env.MEGATRON_TEST_SPLITS !== "1").each([
    ["XLNet", "xlnet", "{ name: permutation }"],
    ["T5", "t5", "{ name: span-corruption }"],
    ["the encoder-decoder", "encoder-decoder", "{ name: denoising }"],
  ])("20 steps of %s equal those of one rank", async (name, family, objective) => {
    const longest = family === "encoder-decoder" ? ", maxPositions: 32" : "";
    const model = `{ family: ${family}, numLayers: 2, hiddenSize: 32, numHeads: 4, vocabularySize: 325${longest} }`;
    const overrides: [string, string][] = [["train.objective", objective]];
    const alone = await runs.solo(runs.task(`${name} alone`, model, { overrides }));
    expectClose(await runs.threads(runs.task(name, model, { overrides, layout: tensor }), 2), alone);
  });

  it("a run that a signal to one rank stopped resumes at another split; rows that fill it up are in no file", async () => {
    const alone = await runs.solo(runs.task("odd alone", odd));
    const first = await runs.threads(runs.task("odd", odd, { layout: tensor, stopAfter: 7 }), 2);
    expect(first).toMatchObject({ step: 7, reason: "stopped" });
    const saved = loadLatestCheckpoint(join(runs.directory, "odd"));
    expect(saved.weights.info("tokenEmbedding.weight").shape).toEqual([325, 32]);
    expect(saved.optimizer!.info("second.tokenEmbedding.weight").shape).toEqual([325, 32]);
    saved.close();
    const layout = { tensor: 1, data: 2 };
    const second = await runs.threads(runs.task("odd", odd, { layout, resume: "auto" }), 2);
    expect(second.events).toContainEqual({ type: "changed", path: "parallel.data", old: 1, new: 2 });
    expectClose({ ...first, events: [...first.events, ...second.events] }, alone);
  });

  it("saves the weights that it was given, bit for bit", async () => {
    const digest = (name: string) => {
      const { weights, optimizer, close } = loadLatestCheckpoint(join(runs.directory, name));
      const digests = [weights, optimizer!].flatMap((reader) =>
        reader.names.map((tensor) => [tensor, createHash("sha256").update(reader.read(tensor)).digest("hex")]),
      );
      close();
      return Object.fromEntries(digests) as Record<string, string>;
    };
    await runs.solo(runs.task("initial alone", odd, { stopAfter: 0 }));
    await runs.threads(runs.task("initial", odd, { layout: tensor, stopAfter: 0 }), 2);
    expect(digest("initial")).toEqual(digest("initial alone"));
    const resume = join(runs.directory, "initial");
    await runs.solo(runs.task("initial again", odd, { resume, stopAfter: 0 }));
    expect(digest("initial again")).toEqual(digest("initial alone"));
  });
});
