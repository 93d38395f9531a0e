/** Plans of runs on several ranks beside such runs: the peak of every rank is the planned one to the byte, and so is what it has. */
import { loadMemoryCounter, start } from "@megatron-ts/engine";
import { createTokenizer } from "@megatron-ts/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkPretrainConfig, completeModel, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import type { TrainingTask } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";
import { type CountMemory, planStep } from "./plan-memory.ts";

let runs: TrainingRuns;
let count: CountMemory;
let isNative: boolean;
beforeAll(async () => {
  runs = await openTrainingRuns();
  count = await loadMemoryCounter();
  isNative = (await start({ threads: 1 })).backend === "native";
});
afterAll(() => runs.remove());

const size = "numLayers: 4, hiddenSize: 32, numHeads: 4, vocabularySize: 325";
const gpt = `{ family: gpt, ${size}, maxPositions: 32 }`;
const untied = `{ family: gpt, ${size}, maxPositions: 32, tiedEmbeddings: false }`;
const recompute = (mode: string): [string, string] => ["train.recompute", mode];
const bf16: [string, string] = ["engine.precision", "bf16"];

const cases: Record<string, { model?: string; layout: Record<string, number>; overrides?: [string, string][] }> = {
  "a decoder with tied embeddings": { layout: { pipeline: 2 } },
  "a decoder with a head of its own": { model: untied, layout: { pipeline: 2 } },
  "a decoder in bf16, recomputed": { layout: { pipeline: 2 }, overrides: [bf16, recompute("full")] },
  "a decoder in four stages, recomputed selectively": { layout: { pipeline: 4 }, overrides: [recompute("selective")] },
  "interleaved stages": { layout: { pipeline: 2, virtualStages: 2 } },
  "interleaved stages in bf16": { layout: { pipeline: 2, virtualStages: 2 }, overrides: [bf16] },
  "split layers": { layout: { pipeline: 2, tensor: 2 } },
  "Muon, which gathers split matrices": {
    layout: { tensor: 2 },
    overrides: [["train.optimizer", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 1e-3 } }"]],
  },
  "several copies that share the optimizer's state": {
    layout: { pipeline: 2, data: 2 },
    overrides: [["parallel.distributedOptimizer", "true"]],
  },
  "ranks that share tokens": { layout: { context: 2 } },
  BERT: {
    model: `{ family: bert, ${size}, maxPositions: 32, heads: { pooler: true, languageModel: true, pair: true } }`,
    layout: { pipeline: 2 },
    overrides: [["train.objective", "{ name: masked, pairs: next-sentence }"]],
  },
  XLNet: {
    model: `{ family: xlnet, ${size} }`,
    layout: { pipeline: 2 },
    overrides: [["train.objective", "{ name: permutation }"]],
  },
  T5: {
    model: `{ family: t5, ${size} }`,
    layout: { pipeline: 2, virtualStages: 2 },
    overrides: [["train.objective", "{ name: span-corruption }"]],
  },
  "an encoder-decoder": {
    model: `{ family: encoder-decoder, ${size}, numDecoderLayers: 3, maxPositions: 32 }`,
    layout: { pipeline: 2 },
    overrides: [["train.objective", "{ name: denoising }"], bf16],
  },
};

const common: [string, string][] = [
  ["train.steps", "3"],
  ["train.batchSize", "16"],
  ["train.microBatchSize", "2"],
  ["train.evaluation", "null"],
  ["train.schedule", "{ name: constant }"],
  ["data.sequenceLength", "32"],
];

/** The plan of what the ranks of a task run. */
async function planOf({ recipe, overrides, tokenizer: json }: TrainingTask) {
  const configuration = parseRecipe(recipe, {
    schema: pretrainConfigSchema,
    overrides,
    check: checkPretrainConfig,
  });
  const tokenizer = await createTokenizer(json);
  return planStep(configuration, { model: completeModel(configuration.model, tokenizer), tokenizer, count });
}

describe("the plan of a run on several ranks", () => {
  it.each(Object.keys(cases))("says what each of them takes: %s", async (name) => {
    if (!isNative) return;
    const { model = gpt, layout, overrides = [] } = cases[name]!;
    const task = runs.task(name.replaceAll(/\W+/g, "-"), model, { layout, overrides: [...common, ...overrides] });
    const ranks = Object.entries(layout).reduce((all, [axis, n]) => (axis === "virtualStages" ? all : all * n), 1);
    const { peakBytes } = await runs.threads(task, ranks);
    const { stages } = await planOf(task);
    const perStage = ranks / stages.length;
    // The first of a stage's ranks; of those that share tokens, the last.
    const measured = stages.map((_, stage) => peakBytes[stage * perStage + (layout.context ?? 1) - 1]!);
    expect(stages.map(({ memory }) => memory.peak)).toEqual(measured);
  });

  it("counts a teacher that is split as its student is", async () => {
    if (!isNative) return;
    await runs.solo(runs.task("teacher", untied, { overrides: common }));
    const distill: [string, string] = ["distill", `{ teacher: ${runs.directory}/teacher }`];
    const layout = { pipeline: 2, tensor: 2 };
    const task = runs.task("student", gpt, { layout, overrides: [...common, distill] });
    const { peakBytes } = await runs.threads(task, 4);
    const { stages } = await planOf(task);
    expect(stages.map(({ memory }) => memory.peak)).toEqual([peakBytes[0], peakBytes[2]]);
  });

  it("counts the layers, weights and FLOPs of each stage, and names the largest", async () => {
    const layouts = { whole: {}, tied: { pipeline: 2 }, interleaved: { pipeline: 2, virtualStages: 2 } };
    const planned = (layout: Record<string, number>, model = gpt) =>
      planOf(runs.task("plan", model, { layout, overrides: common }));
    const whole = await planned({});
    expect(whole.stages).toEqual([
      {
        layers: [{ first: 0, end: 4 }],
        parameters: whole.parameters,
        flopsPerStep: whole.flopsPerStep,
        memory: whole.memory,
      },
    ]);
    for (const [model, shared] of [
      [gpt, 325 * 32],
      [untied, 0],
    ] as const) {
      for (const layout of [layouts.tied, layouts.interleaved]) {
        const { stages, memory, parameters, flopsPerStep } = await planned(layout, model);
        const sum = (of: (stage: (typeof stages)[number]) => number) =>
          stages.reduce((all, stage) => all + of(stage), 0);
        expect(sum((stage) => stage.parameters)).toBe(parameters + shared);
        expect(sum((stage) => stage.flopsPerStep)).toBeCloseTo(flopsPerStep, -2);
        expect(memory.peak).toBe(Math.max(...stages.map((stage) => stage.memory.peak)));
        for (const { memory: own } of stages)
          expect(own.weights + own.gradients + own.optimizer + own.activations).toBe(own.peak);
      }
    }
    const { stages } = await planned(layouts.interleaved);
    expect(stages.map(({ layers }) => layers.map(({ first }) => first))).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
});
