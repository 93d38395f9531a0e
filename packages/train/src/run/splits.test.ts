/**
 * Every split, and their products: runs equal runs of one rank, dropout included, in losses and in weights. Here a few of up to 8 ranks for
 * 5 steps; all of them, for each family that can, for 20 steps of AdamW and of SGD, with
 * MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/splits [-t "of bert"] (an hour; each split is printed when it has run).
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClose, expectSameWeights } from "../testing/reported.ts";
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
  virtualStages: number;
  data: number;
  context: number;
  distributedOptimizer: boolean;
  sequenceParallel: boolean;
}

const ranksOf = ({ tensor, pipeline, data, context }: Split) => tensor * pipeline * data * context;

const PIPELINES = [
  [1, 1],
  [2, 1],
  [2, 2],
  [4, 1],
] as const;

/** Whether 16 samples are whole micro-batches of one or two, in turns of as many as interleaved stages need. */
const isWhole = ({ pipeline, virtualStages, data }: Split) => virtualStages === 1 || 4 % (data * pipeline) === 0;

/** Every split of up to 8 ranks. */
function allSplits({ contexts }: { contexts: boolean }): Split[] {
  const splits: Split[] = [];
  for (const tensor of [1, 2, 4]) {
    for (const [pipeline, virtualStages] of PIPELINES) {
      for (const data of [1, 2, 4]) {
        for (const context of contexts ? [1, 2] : [1]) {
          for (const distributedOptimizer of data * context > 1 ? [false, true] : [false]) {
            for (const sequenceParallel of tensor > 1 ? [false, true] : [false]) {
              const split = {
                ...{ tensor, pipeline, virtualStages, data, context },
                ...{ distributedOptimizer, sequenceParallel },
              };
              if (ranksOf(split) <= 8 && ranksOf(split) > 1 && isWhole(split)) splits.push(split);
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
const steps = everything ? "20" : "5";
const short: [string, string][] = [
  ["train.microBatchSize", "2"],
  ["train.steps", steps],
  ["train.evaluation.every", steps],
  ["train.checkpoint.every", "100"],
];
/** Adam with an epsilon beside which gradients are nothing is SGD at a rate of 1e7 / 1e8: gradients count as they are. */
const sgd = "{ name: adamw, learningRate: 1e7, beta1: 0, beta2: 0, epsilon: 1e8, weightDecay: 0 }";
const optimizers = { adamw: "{ name: adamw, learningRate: 1e-3 }", sgd };

interface Family {
  model: string;
  objective: string;
  contexts: boolean;
}

const dropout = "dropout: 0.1, attentionDropout: 0.1";
const families: Record<string, Family> = {
  gpt: {
    model: `{ family: gpt, ${size}, maxPositions: 32, ${dropout} }`,
    objective: "{ name: causal }",
    contexts: true,
  },
  bert: {
    model: `{ family: bert, ${size}, maxPositions: 32, ${dropout}, heads: { pooler: true, languageModel: true, pair: true } }`,
    objective: "{ name: masked, pairs: next-sentence }",
    contexts: true,
  },
  xlnet: { model: `{ family: xlnet, ${size}, ${dropout} }`, objective: "{ name: permutation }", contexts: false },
  "encoder-decoder": {
    model: `{ family: encoder-decoder, ${size}, numDecoderLayers: 3, maxPositions: 32, ${dropout} }`,
    objective: "{ name: denoising }",
    contexts: false,
  },
  t5: { model: `{ family: t5, ${size}, ${dropout} }`, objective: "{ name: span-corruption }", contexts: false },
};

const few: Record<string, Partial<Split>[]> = {
  gpt: [
    { tensor: 2, pipeline: 2, data: 2, sequenceParallel: true, distributedOptimizer: true },
    { data: 2, context: 2, distributedOptimizer: true },
  ],
  bert: [{ tensor: 2, pipeline: 2, sequenceParallel: true }],
  xlnet: [{ pipeline: 2, data: 2 }],
  "encoder-decoder": [{ tensor: 2, pipeline: 2 }],
  t5: [{ pipeline: 2, virtualStages: 2, data: 2 }],
};

const nameOf = (split: Split) => JSON.stringify(split).replace(/"|[{}]/g, "");

const whole: Split = {
  ...{ tensor: 1, pipeline: 1, virtualStages: 1, data: 1, context: 1 },
  ...{ distributedOptimizer: false, sequenceParallel: false },
};
const named = (object: object): [string, string][] =>
  Object.entries(object).map(([axis, value]) => [`parallel.${axis}`, String(value)]);

/** The splits of a family that a run with this optimizer does not equal one rank in. */
async function wrongSplits(
  splits: readonly Split[],
  { family, optimizer }: { family: string; optimizer: keyof typeof optimizers },
): Promise<string[]> {
  const { model, objective } = families[family]!;
  const overrides: [string, string][] = [
    ...short,
    ["train.objective", objective],
    ["train.optimizer", optimizers[optimizer]],
  ];
  const runOf = (split: Split | "alone") => `${family} ${optimizer} ${split === "alone" ? split : nameOf(split)}`;
  const alone = await runs.solo(runs.task(runOf("alone"), model, { overrides }));
  const wrong: string[] = [];
  // Threads stay for the next splits of as many ranks.
  for (const split of splits.toSorted((a, b) => ranksOf(a) - ranksOf(b))) {
    const task = runs.task(runOf(split), model, { overrides: [...overrides, ...named(split)] });
    const [outcome] = await runs.threadsInTurn([task], ranksOf(split));
    try {
      expectClose(outcome as TrainingOutcome, alone);
      const directories = [runOf(split), runOf("alone")].map((name) => join(runs.directory, name));
      if (optimizer === "sgd") expectSameWeights(directories[0]!, directories[1]!);
    } catch (error) {
      wrong.push(`${optimizer} ${nameOf(split)}: ${(error as Error).message.split("\n")[0]}`);
    }
    if (everything)
      process.stderr.write(`${wrong.at(-1)?.includes(nameOf(split)) ? "wrong" : "equal"}: ${runOf(split)}\n`);
  }
  return wrong;
}

describe("splits", () => {
  it.each(Object.keys(everything ? families : few))(
    "of %s equal one rank",
    async (family) => {
      const splits = everything
        ? allSplits({ contexts: families[family]!.contexts })
        : few[family]!.map((split) => ({ ...whole, ...split }));
      const wrong = await wrongSplits(splits, { family, optimizer: "sgd" });
      if (everything) {
        wrong.push(...(await wrongSplits(splits, { family, optimizer: "adamw" })));
        console.log(`${family}: ${2 * splits.length - wrong.length} of ${2 * splits.length} splits equal one rank`);
      }
      expect(wrong).toEqual([]);
    },
    everything ? 3_600_000 : undefined,
  );
});
