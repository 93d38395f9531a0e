/** Runs with Muon and averaged weights: resumed, changed, and ended by the clock. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latestCheckpoint, loadCheckpoint } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import type { Override } from "../configuration/recipe-overrides.ts";
import { ConfigError } from "../errors.ts";
import { writeCorpus } from "../testing/corpus.ts";
import type { RunEvent } from "./events.ts";
import { pretrain } from "./pretrain.ts";

const directory = mkdtempSync(join(tmpdir(), "megatron-optimizers-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let tokenizer: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  const documents = Array.from({ length: 30 }, (_, i) => [`The ${i}th sentence says that ${i} and ${i * 7} are two.`]);
  ({ tokenizer } = await writeCorpus(join(directory, "corpus"), { documents, endDocuments: true }));
});

const recipe = `
model: { family: gpt, numLayers: 1, hiddenSize: 16, numHeads: 2, maxPositions: 8, dropout: 0.1, tiedEmbeddings: false }
data: { tokenizer: unused, train: ${join(directory, "corpus")}, validation: { prefix: ${join(directory, "corpus")}, split: all }, sequenceLength: 8 }
train:
  optimizer:
    name: muon
    learningRate: 0.02
    momentumWarmup: { steps: 5 }
    cautious: true
    weightDecaySchedule: learning-rate
    adamw: { learningRate: 4.0e-3, rates: { embeddings: 0.01, head: 2.0e-3 } }
  weightAverage: { decay: 0.9 }
  schedule: { name: wsd, warmupSteps: 2, decaySteps: 4 }
  clipNorm: 0.1
  steps: 8
  batchSize: 8
  microBatchSize: 4
  evaluation: { every: 4, batches: 1 }
  checkpoint: { every: 100 }
  log: { every: 1, tensorboard: false }
`;

async function run(
  name: string,
  { overrides = [], resume, stopAfter }: { overrides?: Override[]; resume?: string; stopAfter?: number } = {},
) {
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
    overrides: [["run.directory", join(directory, name)], ...overrides],
    check: checkPretrainConfig,
  });
  const events: RunEvent[] = [];
  const stop = { requested: null as string | null };
  const onEvent = (event: RunEvent) => {
    events.push(event);
    if (event.type === "step" && event.step === stopAfter) stop.requested = "SIGTERM";
  };
  const result = await pretrain(configuration, { tokenizer, resume, onEvent, stop });
  const rates = events.flatMap((event) => (event.type === "report" ? [event.report.learningRate] : []));
  const losses = events.flatMap((event) => (event.type === "evaluated" ? [event.result.loss] : []));
  return { ...result, rates, losses };
}

/** The tensors of the latest checkpoint: weights by name, and `trained` those of the optimizer's group. */
function tensors(name: string) {
  const checkpoint = loadCheckpoint(latestCheckpoint(join(directory, name))!.directory);
  const read = (reader: typeof checkpoint.weights) =>
    Object.fromEntries(reader.names.map((tensor) => [tensor, Buffer.from(reader.read(tensor)).toString("base64")]));
  const found = { weights: read(checkpoint.weights), optimizer: read(checkpoint.optimizer!) };
  checkpoint.close();
  return found;
}

/** The weights themselves where a checkpoint's are averages. */
const trained = (name: string) =>
  Object.fromEntries(
    Object.entries(tensors(name).optimizer).flatMap(([tensor, bytes]) =>
      tensor.startsWith("trained.") ? [[tensor.slice("trained.".length), bytes]] : [],
    ),
  );

describe("Muon and averaged weights", () => {
  it.each([1, 3, 6])(
    "stopped after step %d and resumed equals the uninterrupted run, bit for bit",
    async (stopAfter) => {
      await run("whole", { resume: "auto" });
      await run(`parts-${stopAfter}`, { stopAfter });
      const rest = await run(`parts-${stopAfter}`, { resume: "auto" });
      expect(rest).toMatchObject({ reason: "completed", step: 8 });
      expect(tensors(`parts-${stopAfter}`)).toEqual(tensors("whole"));
    },
  );

  it("the state is momenta of matrices, moments of the rest and the weights themselves", async () => {
    await run("whole", { resume: "auto" });
    const { weights, optimizer } = tensors("whole");
    const roles = (role: string) => Object.keys(optimizer).filter((name) => name.startsWith(`${role}.`)).length;
    const matrices = Object.keys(weights).filter((name) => /^layers\..*(attention|feedForward)\..*weight$/.test(name));
    expect(matrices).toHaveLength(6);
    expect(roles("momentum")).toBe(6);
    expect([roles("first"), roles("second")]).toEqual(Array(2).fill(Object.keys(weights).length - 6));
    expect(roles("trained")).toBe(Object.keys(weights).length);
    for (const [name, bytes] of Object.entries(trained("whole"))) expect(bytes).not.toBe(weights[name]);
  });

  it("averages change what is evaluated and saved, not what is trained", async () => {
    const averaged = await run("averaged", { resume: "auto" });
    const plain = await run("plain", { overrides: [["train.weightAverage", "null"]] });
    const { weights, optimizer } = tensors("plain");
    expect(trained("averaged")).toEqual(weights);
    expect(Object.keys(optimizer).filter((name) => name.startsWith("trained."))).toEqual([]);
    expect(averaged.losses).not.toEqual(plain.losses);
    const latest = await run("latest", { overrides: [["train.weightAverage.decay", "0"]] });
    expect(latest.losses).toEqual(plain.losses);
    expect(tensors("latest").weights).toEqual(weights);
  });

  it("averaging may begin and end when a run resumes", async () => {
    const none: Override[] = [["train.weightAverage", "null"]];
    await run("begins", { overrides: none, stopAfter: 3 });
    await run("begins", { resume: "auto", stopAfter: 6 });
    await run("begins", { resume: "auto", overrides: none });
    await run("plain-again", { overrides: none });
    expect(tensors("begins")).toEqual(tensors("plain-again"));
  });

  it("another optimizer cannot resume", async () => {
    await run("muon", { stopAfter: 1 });
    const overrides: Override[] = [["train.optimizer", "{ name: adamw, learningRate: 0.001 }"]];
    const error = await run("muon", { resume: "auto", overrides }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems).toMatchObject([{ path: "train.optimizer.name" }]);
  });
});

describe("a run ended by the clock", () => {
  afterEach(() => void vi.restoreAllMocks());

  it.each(["{ name: wsd, warmupSteps: 3, decaySteps: 6 }", "{ name: cosine, warmupSteps: 3, minimum: 1.0e-3 }"])(
    "has the rates of one ended by its steps: %s",
    async (schedule) => {
      const overrides = (name: string, more: Override[]): Override[] => [
        ["train.schedule", schedule],
        ["train.evaluation", "null"],
        ["run.directory", join(directory, `${name}-${schedule.length}`)],
        ...more,
      ];
      const bySteps = await run("steps", { overrides: overrides("steps", [["train.steps", "12"]]) });
      let now = 0;
      vi.spyOn(performance, "now").mockImplementation(() => {
        now += 1000;
        return now;
      });
      // Twelve steps of a second, of 36 that would have the decay three times as long.
      const stretched = schedule.replace("decaySteps: 6", "decaySteps: 22");
      const limited = overrides("clock", [
        ["train.schedule", stretched],
        ["train.steps", "36"],
        ["train.timeLimitMinutes", "0.2"],
      ]);
      const byClock = await run("clock", { overrides: limited });
      expect(byClock).toMatchObject({ reason: "time limit", step: 12 });
      expect(byClock.rates).toHaveLength(12);
      for (const [step, rate] of byClock.rates.entries()) expect(rate).toBeCloseTo(bySteps.rates[step]!, 12);

      // The clock continues across a stop and a resume.
      const parts = overrides("parts", limited.slice(3)).concat([["train.schedule", stretched]]);
      const first = await run("parts", { overrides: parts, stopAfter: 5 });
      const second = await run("parts", { overrides: parts, resume: "auto" });
      expect([...first.rates, ...second.rates]).toEqual(byClock.rates);
    },
  );
});
