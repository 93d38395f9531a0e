/**
 * Every split, and their products: runs of 20 steps equal runs of one rank, dropout included. Here a few of up to 8 ranks; all of them, for
 * each family that can, with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/splits (minutes).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose } from "../testing/reported.ts";
import type { TrainingOutcome } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const everything = process.env.MEGATRON_TEST_SPLITS === "1";

/** The section `parallel` of a recipe. */
interface Split {
  tensor: number;
  pipeline: number;
  data: number;
  context: number;
  distributedOptimizer: boolean;
  sequenceParallel: boolean;
}

const ranksOf = ({ tensor, pipeline, data, context }: Split) => tensor * pipeline * data * context;

/** Every split of up to 8 ranks. */
function allSplits({ stages, contexts }: { stages: boolean; contexts: boolean }): Split[] {
  const splits: Split[] = [];
  for (const tensor of [1, 2, 4]) {
    for (const pipeline of stages ? [1, 2, 4] : [1]) {
      for (const data of [1, 2, 4]) {
        for (const context of contexts ? [1, 2] : [1]) {
          for (const distributedOptimizer of data * context > 1 ? [false, true] : [false]) {
            for (const sequenceParallel of tensor > 1 ? [false, true] : [false]) {
              const split = { tensor, pipeline, data, context, distributedOptimizer, sequenceParallel };
              if (ranksOf(split) > 1 && ranksOf(split) <= 8) splits.push(split);
            }
          }
        }
      }
    }
  }
  return splits;
}

/** A layer for each stage. */
const size = `numLayers: ${everything ? 4 : 2}, hiddenSize: 16, numHeads: 4, vocabularySize: 325`;
const short: [string, string][] = [
  ["train.microBatchSize", "2"],
  ["train.evaluation.every", "20"],
  ["train.checkpoint.every", "100"],
];

interface Family {
  model: string;
  objective: string;
  stages: boolean;
  contexts: boolean;
}

const dropout = "dropout: 0.1, attentionDropout: 0.1";
const families: Record<string, Family> = {
  gpt: {
    model: `{ family: gpt, ${size}, maxPositions: 32, ${dropout} }`,
    objective: "{ name: causal }",
    stages: true,
    contexts: true,
  },
  bert: {
    model: `{ family: bert, ${size}, maxPositions: 32, ${dropout}, heads: { pooler: true, languageModel: true, pair: true } }`,
    objective: "{ name: masked, pairs: next-sentence }",
    stages: true,
    contexts: false,
  },
  xlnet: { model: `{ family: xlnet, ${size} }`, objective: "{ name: permutation }", stages: false, contexts: false },
  "encoder-decoder": {
    model: `{ family: encoder-decoder, ${size}, maxPositions: 32 }`,
    objective: "{ name: denoising }",
    stages: false,
    contexts: false,
  },
};

const few: Record<string, Partial<Split>[]> = {
  gpt: [
    { tensor: 2, pipeline: 2, data: 2, sequenceParallel: true, distributedOptimizer: true },
    { pipeline: 2, data: 2, distributedOptimizer: true },
    { data: 2, context: 2, distributedOptimizer: true },
  ],
  bert: [{ tensor: 2, pipeline: 2, sequenceParallel: true }],
};

const nameOf = (split: Split) => JSON.stringify(split).replace(/"|[{}]/g, "");

describe("splits", () => {
  it.each(Object.keys(everything ? families : few))(
    "of %s equal one rank",
    async (family) => {
      const { model, objective, stages, contexts } = families[family]!;
      const whole = {
        tensor: 1,
        pipeline: 1,
        data: 1,
        context: 1,
        distributedOptimizer: false,
        sequenceParallel: false,
      };
      const splits = everything
        ? allSplits({ stages, contexts })
        : few[family]!.map((split) => ({ ...whole, ...split }));
      const overrides: [string, string][] = [...short, ["train.objective", objective]];
      const alone = await runs.solo(runs.task(`${family} alone`, model, { overrides }));
      const task = (split: Split) =>
        runs.task(`${family} ${nameOf(split)}`, model, {
          overrides: [
            ...overrides,
            ...Object.entries(split).map(([axis, value]): [string, string] => [`parallel.${axis}`, String(value)]),
          ],
        });
      const wrong: string[] = [];
      for (const ranks of [2, 4, 8]) {
        const own = splits.filter((split) => ranksOf(split) === ranks);
        const outcomes = own.length > 0 ? await runs.threadsInTurn(own.map(task), ranks) : [];
        for (const [i, outcome] of outcomes.entries()) {
          try {
            expectClose(outcome as TrainingOutcome, alone);
          } catch (error) {
            wrong.push(`${nameOf(own[i]!)}: ${(error as Error).message.split("\n")[0]}`);
          }
        }
      }
      if (everything)
        console.log(`${family}: ${splits.length - wrong.length} of ${splits.length} splits equal one rank`);
      expect(wrong).toEqual([]);
    },
    everything ? 3_600_000 : undefined,
  );
});
