/** Runs whose ranks share the optimizer's state equal those whose ranks all have it, bit for bit where nothing is clipped. */
import { join } from "node:path";
import { loadLatestCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TrainingOutcome } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const gpt =
  "{ family: gpt, vocabularySize: 325, numLayers: 2, hiddenSize: 32, numHeads: 4, maxPositions: 32, dropout: 0.1 }";
const few: [string, string][] = [
  ["train.steps", "4"],
  ["train.microBatchSize", "2"],
];
const unclipped: [string, string][] = [...few, ["train.clipNorm", "null"]];
const muon: [string, string][] = [
  ...unclipped,
  ["train.optimizer", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 1e-3 } }"],
  ["train.weightAverage", "{ decay: 0.9 }"],
];
const shared: [string, string] = ["parallel.distributedOptimizer", "true"];

/** The values of every tensor of a run's latest checkpoint. */
function tensorsOf(name: string): Record<string, string> {
  const { weights, optimizer, close } = loadLatestCheckpoint(join(runs.directory, name));
  const all = [weights, optimizer!].flatMap((reader, group) =>
    reader.names.map((tensor) => [`${group} ${tensor}`, Buffer.from(reader.read(tensor)).toString("base64")]),
  );
  close();
  return Object.fromEntries(all);
}

const losses = ({ events }: TrainingOutcome) =>
  events.flatMap((event) => (event.type === "report" ? [event.report.loss, event.report.gradientNorm] : []));

const bytesPerStep = ({ sentBytes }: TrainingOutcome) => sentBytes[2]! - sentBytes[1]!;

function parametersOf({ events }: TrainingOutcome): number {
  const started = events.find((event) => event.type === "started");
  return started!.parameters;
}

/** The same run with all of the optimizer's state on every rank, and with a share of it on each. */
async function allAndShared(name: string, options: { overrides: [string, string][]; data: number }) {
  const layout = { data: options.data };
  const { overrides } = options;
  const tasks = [
    runs.task(`${name} all`, gpt, { overrides, layout }),
    runs.task(`${name} shared`, gpt, { overrides: [...overrides, shared], layout }),
  ];
  const [all, some] = (await runs.threadsInTurn(tasks, options.data)) as [TrainingOutcome, TrainingOutcome];
  expect(tensorsOf(`${name} shared`)).toEqual(tensorsOf(`${name} all`));
  expectClose(losses(some), losses(all), 1e-6);
  return { all, some };
}

function expectClose(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    expect(Math.abs(value / expected[i]! - 1)).toBeLessThan(tolerance);
  });
}

describe("the distributed optimizer", () => {
  it("updates with AdamW as ranks that all have its state do, with its share of memory and the same traffic", async () => {
    const { all, some } = await allAndShared("AdamW", { overrides: unclipped, data: 2 });
    // One number more: the norm of the shares.
    expect(bytesPerStep(some)).toBe(bytesPerStep(all) + 8);
    const parameters = parametersOf(some);
    // Two moments of 4 bytes each; besides these and the weights there are a few constants.
    expect(all.tensorBytes[2]! - some.tensorBytes[2]!).toBe(8 * Math.ceil(parameters / 2));
    expect(Math.abs(some.tensorBytes[2]! / (4 * parameters + 4 * parameters) - 1)).toBeLessThan(0.01);
  });

  it("updates with Muon, which needs whole matrices, as ranks that all have its state do", async () => {
    await allAndShared("Muon", { overrides: [...muon, ["train.microBatchSize", "1"]], data: 4 });
  });

  it("clips as one rank does, and resumes on other ranks", async () => {
    const alone = await runs.solo(runs.task("alone", gpt, { overrides: few }));
    const task = (options: object) => runs.task("split", gpt, { overrides: [...few, shared], ...options });
    const first = await runs.threads(task({ layout: { data: 2 }, stopAfter: 2 }), 2);
    const second = await runs.threads(task({ layout: { data: 4 }, resume: "auto" }), 4);
    expectClose([...losses(first), ...losses(second)], losses(alone), 1e-5);
  });
});
