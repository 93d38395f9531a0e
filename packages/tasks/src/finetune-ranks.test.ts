/**
 * Fine-tuning on several rank threads equals that on one rank: losses, scores, weights and the choice of the best checkpoint. Here for a few tasks;
 * for all of them with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project tasks finetune-ranks (minutes).
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { bestCheckpoint, latestCheckpoint, loadLatestCheckpoint, openSafetensors } from "@megatron-ts/checkpoint";
import { createTokenizer } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSameWeights } from "../../train/src/testing/reported.ts";
import { checkFinetune, parseFinetuneRecipe } from "./index.ts";
import type { FinetuningOutcome } from "./testing/finetuning.rank.ts";
import { type FinetuningRuns, openFinetuningRuns, tasks } from "./testing/finetuning-runs.ts";

let runs: FinetuningRuns;
beforeAll(async () => {
  runs = await openFinetuningRuns();
});
afterAll(() => runs.remove());

const everything = process.env.MEGATRON_TEST_SPLITS === "1";

/** Of predictions that hardly differ yet, correlations are those of their rounding. */
const CORRELATIONS = ["pearson", "spearman"];

/** Every number that a run reports which does not depend on the machine. */
const reported = ({ events }: FinetuningOutcome): [string, number][] =>
  events.flatMap((event): [string, number][] => {
    if (event.type === "evaluated") {
      const scores = Object.entries({ loss: event.result.loss, ...event.scores });
      return scores
        .filter(([name]) => !CORRELATIONS.includes(name))
        .map(([name, value]) => [`${name} after step ${event.step}`, value]);
    }
    if (event.type !== "report") return [];
    const { step, loss, gradientNorm } = event.report;
    return [
      [`loss of step ${step}`, loss],
      [`gradient norm of step ${step}`, gradientNorm],
    ];
  });

function expectClose(found: FinetuningOutcome, expected: FinetuningOutcome, within = 1e-5): void {
  const [own, wanted] = [reported(found), reported(expected)];
  expect(own.map(([name]) => name)).toEqual(wanted.map(([name]) => name));
  for (const [index, [name, value]] of wanted.entries()) {
    const apart = Math.abs(own[index]![1] - value) / Math.abs(value || 1);
    expect(apart, `${name}: ${own[index]![1]} and ${value}`).toBeLessThan(within);
  }
}

type Settings = Omit<Parameters<FinetuningRuns["task"]>[1], "parallel">;

const modelFor: Record<string, Settings["model"]> = {
  classification: "gpt",
  sentiment: "xlnet",
  "multi-label": "t5",
  translation: "encoder-decoder",
  summarization: "t5",
  dialogue: "gpt",
};

/** Adam with an epsilon beside which gradients are nothing is SGD: gradients count as they are. */
const sgd = (task: string) => ({
  ...{ name: "adamw", beta1: 0, beta2: 0, epsilon: 1e8, weightDecay: 0 },
  // Answers are found by a softmax over tokens: biases that all have alike move by rounding alone.
  learningRate: task === "question-answering" ? 1e5 : 1e7,
});

const directoryOf = (name: string) => join(runs.directory, name);

const titleOf = (split: object) => Object.entries(split).flat().join(" ");

/** Runs in turn, each on the ranks of a split and on one, and compares what they report. */
async function expectEqual(
  all: Record<string, Settings>,
  split: object,
  compare: (name: string, found: FinetuningOutcome, alone: FinetuningOutcome) => void = () => {},
): Promise<void> {
  const title = titleOf(split);
  const names = Object.keys(all);
  const ranks = Object.values(split).reduce((product, size) => product * (typeof size === "number" ? size : 1), 1);
  const found = await runs.threads(
    names.map((name) => runs.task(`${name} ${title}`, { ...all[name]!, parallel: split })),
    ranks,
  );
  for (const [index, name] of names.entries()) {
    const alone = await runs.solo(runs.task(`${name} beside ${title}`, all[name]!));
    try {
      expectClose(found[index]!, alone);
      compare(name, found[index]!, alone);
    } catch (error) {
      throw new Error(`${name}, ${title}: ${(error as Error).message}`);
    }
  }
}

/** Expects the same weights, and the same best checkpoint. */
const expectSameRuns = (title: string) => (name: string, found: FinetuningOutcome, alone: FinetuningOutcome) => {
  const [own, one] = [`${name} ${title}`, `${name} beside ${title}`].map(directoryOf) as [string, string];
  expectSameWeights(own, one);
  expect(bestCheckpoint(own)!.step).toBe(bestCheckpoint(one)!.step);
  expect(found.best!.step).toBe(alone.best!.step);
};

/** The weights that a run saved, by their names. */
function digestOf(run: string): Record<string, string> {
  const { weights, close } = loadLatestCheckpoint(directoryOf(run));
  const digests = weights.names.map((name) => [name, createHash("sha256").update(weights.read(name)).digest("hex")]);
  close();
  return Object.fromEntries(digests);
}

/** The matrices that PEFT loads. */
function adapterOf(run: string): Map<string, Float32Array> {
  const { directory } = latestCheckpoint(directoryOf(run))!;
  const file = openSafetensors(join(directory, "adapter_model.safetensors"));
  const matrices = new Map(file.names.map((name) => [name, new Float32Array(file.read(name).slice().buffer)]));
  file.close();
  return matrices;
}

const twentySteps = { "train.steps": 20, "train.evaluation.every": 20 };
const lora = { lora: { targets: "all", rank: 4, dropout: 0.1 }, ...twentySteps };

describe("data parallel", () => {
  it("tasks learn and score as on one rank, with dropout", async () => {
    const few = ["classification", "question-answering", "translation", "dialogue"];
    const all = (everything ? tasks : few).map((task): [string, Settings] => [
      task,
      { task, model: modelFor[task] ?? "bert", fields: { "train.optimizer": sgd(task) } },
    ]);
    await expectEqual(Object.fromEntries(all), { data: 2 }, expectSameRuns("data 2"));
  }, 600_000);

  it("adapters are trained and saved as on one rank, with the distributed optimizer too", async () => {
    const fields = { ...lora, "train.optimizer": sgd("classification") };
    const all = { adapters: { task: "classification", model: "gpt", fields } } as const;
    for (const split of [{ data: 2 }, { data: 2, distributedOptimizer: true }]) {
      await expectEqual(all, split, (name) => {
        const [own, one] = [`${name} ${titleOf(split)}`, `${name} beside ${titleOf(split)}`].map(adapterOf);
        expect([...own!.keys()]).toEqual([...one!.keys()]);
        expect(own!.size).toBeGreaterThan(8);
        for (const [matrix, values] of one!) {
          const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const apart = values.reduce((most, value, i) => Math.max(most, Math.abs(value - own!.get(matrix)![i]!)), 0);
          expect(apart, matrix).toBeLessThan(1e-3 * largest);
        }
      });
    }
  });

  it("all weights are trained with the distributed optimizer as on one rank", async () => {
    const all = { everything: { task: "classification", model: "gpt", fields: twentySteps } } as const;
    await expectEqual(all, { data: 2, distributedOptimizer: true });
  });

  it("stopped and resumed ends as the uninterrupted run, bit for bit", async () => {
    const settings: Settings = { task: "sentiment", model: "bert" };
    const run = (name: string, more: object = {}) => runs.task(name, { ...settings, ...more, parallel: { data: 2 } });
    const [whole, first, second] = await runs.threads(
      [run("whole"), run("parts", { stopAfter: 3 }), run("parts", { resume: "auto" })],
      2,
    );
    expect(first).toMatchObject({ reason: "stopped", step: 3 });
    expect(reported(second!).length).toBeGreaterThan(0);
    expect(reported(second!)).toEqual(reported(whole!).slice(-reported(second!).length));
    expect(digestOf("parts")).toEqual(digestOf("whole"));
  });
});

it("resumed on other ranks ends as the uninterrupted run", async () => {
  const settings = { task: "translation", model: "gpt", fields: { "train.steps": 6 } } as const;
  const run = (more: Partial<Settings> & { parallel?: object }) => runs.task("moved", { ...settings, ...more });
  const alone = await runs.solo(runs.task("stayed", settings));
  const zero = { data: 2, distributedOptimizer: true };
  const moves = [
    await runs.threads([run({ parallel: zero, stopAfter: 2 })], 2),
    await runs.threads([run({ parallel: { tensor: 2 }, stopAfter: 2, resume: "auto" })], 2),
    [await runs.solo(run({ resume: "auto" }))],
  ].flat();
  expect(moves.map(({ reason, step }) => `${reason} at ${step}`)).toEqual([
    "stopped at 2",
    "stopped at 4",
    "completed at 6",
  ]);
  expectClose({ ...alone, events: moves.flatMap(({ events }) => events) }, alone);
});

describe("tensor parallel", () => {
  const all: Record<string, Settings> = {
    classifier: { task: "classification", model: "gpt", fields: twentySteps },
    adapters: { task: "sentiment", model: "bert", fields: lora },
  };
  // Of these tasks the ranks also share the vocabulary, and write the texts together.
  const writing: Record<string, Settings> = {
    translator: {
      task: "translation",
      model: "encoder-decoder",
      fields: { ...twentySteps, "task.labelSmoothing": 0.1 },
    },
    assistant: { task: "dialogue", model: "gpt", fields: { "task.metric": "distinct1" } },
  };
  const others: Record<string, Settings> = {
    answers: { task: "question-answering", model: "bert", fields: twentySteps },
    "adapters of T5": { task: "multiple-choice", model: "t5", fields: lora },
    "by Muon": {
      ...{ task: "multi-label", model: "t5" },
      fields: {
        ...twentySteps,
        "train.optimizer": { name: "muon", learningRate: 0.01, precision: "f32", adamw: { learningRate: 1e-3 } },
      },
    },
    summarizer: { task: "summarization", model: "t5", fields: twentySteps },
    "adapters of a translator": { task: "translation", model: "gpt", fields: lora },
  };

  it("20 steps equal those of one rank, of adapters too", async () => {
    await expectEqual({ ...all, ...writing, ...(everything && others) }, { tensor: 2 });
  }, 600_000);

  it("four ranks that share the batches too, and the rows of sequences, learn and write as one", async () => {
    const few = (task: string, model: Settings["model"], fields?: Settings["fields"]) => ({ task, model, fields });
    const adapters = few("sentiment", "bert", { lora: lora.lora });
    const translator = few("translation", "encoder-decoder");
    await expectEqual(everything ? { ...all, ...writing, ...others } : { adapters }, { tensor: 2, data: 2 });
    const rows = { tensor: 2, data: 2, sequenceParallel: true };
    await expectEqual(everything ? { ...writing, answers: others.answers! } : { translator }, rows);
  }, 600_000);
});

it("students learn from teachers that are split as they are, as on one rank", async () => {
  const students: Record<string, Settings> = {};
  for (const task of everything ? tasks : ["classification", "question-answering", "translation"]) {
    const own = { task, model: modelFor[task] ?? "bert" };
    const teacher = `teacher of ${task}`;
    await runs.solo(runs.task(teacher, own));
    const distill = { teacher: directoryOf(teacher), temperature: 2, weight: 0.7 };
    students[`student of ${task}`] = { ...own, fields: { distill, "train.seed": 2 } };
  }
  await expectEqual(students, { tensor: 2 });
}, 600_000);

it("what ranks cannot share is refused in one line", async () => {
  const cases: [Settings & { parallel: object }, RegExp][] = [
    [
      { task: "classification", model: "gpt", parallel: { data: 3 } },
      /^train\.batchSize: .*parallel\.data \(3\); got 8$/,
    ],
    [{ task: "classification", model: "gpt", parallel: { tensor: 4 } }, /^parallel\.tensor: .*numHeads \(2\); got 4$/],
    [
      { task: "classification", model: "gpt", parallel: { pipeline: 2 } },
      /^parallel\.pipeline: expected 1: .*; got 2$/,
    ],
    [
      { task: "classification", model: "gpt", fields: { lora: {} }, parallel: { tensor: 2, sequenceParallel: true } },
      /^parallel\.sequenceParallel: expected false with lora/,
    ],
    [{ task: "classification", model: "gpt", parallel: { context: 2 } }, /^parallel\.context: expected 1: .*; got 2$/],
  ];
  const tokenizer = await createTokenizer(runs.task("refused", { task: "classification", model: "gpt" }).tokenizer);
  for (const [settings, message] of cases) {
    const { recipe, overrides } = runs.task("refused", settings);
    const check = () => checkFinetune(parseFinetuneRecipe(recipe, { overrides }), { tokenizer });
    expect(check).toThrow(expect.objectContaining({ userError: true, message: expect.stringMatching(message) }));
  }
  const alone = runs.solo(runs.task("refused", { task: "classification", model: "gpt", parallel: { data: 2 } }));
  await expect(alone).rejects.toMatchObject({ problems: [expect.objectContaining({ path: "parallel.data" })] });
});
