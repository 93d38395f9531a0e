/** Runs split over rank threads equal runs of one rank, dropout included: losses, gradient norms, validation, resumption. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

/** The loss with what belongs to it, the duration, and whether to stop: five numbers of 8 bytes. */
const NUMBERS_PER_STEP = 40;

describe("data parallel", () => {
  let solo: TrainingOutcome;
  beforeAll(async () => {
    solo = await runs.solo(runs.task("solo", gpt));
  });

  it("20 steps of GPT equal those of one rank, and gradients travel once a step", async () => {
    const found = await runs.threads(runs.task("data", gpt, { layout: { data: 2 } }), 2);
    expect(found).toMatchObject({ step: 20, reason: "completed" });
    expectClose(found, solo);
    expect(bytesPerStep(found)).toBe(4 * parametersOf(found) + NUMBERS_PER_STEP);
  });

  it("20 steps of BERT with pairs equal those of one rank", async () => {
    const overrides = [pairs];
    const alone = await runs.solo(runs.task("bert", bert, { overrides }));
    expectClose(await runs.threads(runs.task("bert data", bert, { overrides, layout: { data: 2 } }), 2), alone);
  });

  it("a run that a signal to one rank stopped resumes on another number of ranks", async () => {
    const first = await runs.threads(runs.task("stopped", gpt, { layout: { data: 2 }, stopAfter: 7 }), 2);
    expect(first).toMatchObject({ step: 7, reason: "stopped" });
    const second = await runs.solo(runs.task("stopped", gpt, { resume: "auto" }));
    expect(second.events).toContainEqual({ type: "changed", path: "parallel.data", old: 2, new: 1 });
    expectClose({ ...first, events: [...first.events, ...second.events] }, solo);
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
