/**
 * Checkpoints do not depend on how the ranks that saved them split the model: any other split loads the same bits, of weights and moments.
 * Here between 4 ranks and one; from 2 x 2 x 2 to 1, 4 x 1 x 2 and 1 x 2 x 1 with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/resplit.
 */
import { join } from "node:path";
import { checkpointDirectory, loadCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
let worker: Awaited<ReturnType<typeof buildRank>>;
beforeAll(async () => {
  worker = await buildRank(new URL("../../../checkpoint/src/save-worker.ts", import.meta.url));
  runs = await openTrainingRuns();
});
afterAll(async () => {
  await runs.remove();
  worker.remove();
});

/** A vocabulary that the ranks do not divide. */
const size = "numLayers: 2, hiddenSize: 16, numHeads: 4, maxPositions: 32, vocabularySize: 325";
const train: [string, string][] = [
  ["train.microBatchSize", "2"],
  ["train.evaluation", "null"],
  ["train.schedule", "{ name: constant }"],
];

/** The values of every tensor of a checkpoint, moments included. */
function tensorsOf(name: string, step: number): Record<string, string> {
  const { weights, optimizer, close } = loadCheckpoint(checkpointDirectory(join(runs.directory, name), step));
  const all = [weights, optimizer!].flatMap((reader, group) =>
    reader.names.map((tensor) => [`${group} ${tensor}`, Buffer.from(reader.read(tensor)).toString("base64")]),
  );
  close();
  return Object.fromEntries(all);
}

const everything = process.env.MEGATRON_TEST_SPLITS === "1";
const data = everything ? 2 : 1;
const muon: [string, string] = ["train.optimizer", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 1e-3 } }"];

/** What saves, and at which other splits it is loaded. */
const cases: [name: string, saved: Layout, others: Layout[], overrides: [string, string][]][] = [
  ["adamw", { tensor: 2, pipeline: 2, data, distributedOptimizer: everything }, [{ tensor: 4, data }], []],
  [
    "muon",
    { pipeline: 2, data: 2 * data, distributedOptimizer: true },
    [{ data: 2, tensor: 2, pipeline: data }],
    [muon],
  ],
];

interface Layout {
  tensor?: number;
  pipeline?: number;
  data?: number;
  distributedOptimizer?: boolean;
}

describe("checkpoints saved in the background by ranks that split the model", () => {
  it.each(cases)(
    "resume bit for bit with %s, and are the same bits at any other split",
    async (name, { distributedOptimizer = false, ...layout }, others, own) => {
      const overrides: [string, string][] = [
        ...train,
        ...own,
        ["train.steps", "4"],
        ["train.checkpoint", "{ every: 1, keepLast: 9, background: true }"],
      ];
      const task = (run: string, options: object) =>
        runs.task(`${name} ${run}`, `{ family: gpt, ${size} }`, {
          overrides,
          saveWorker: worker.file.href,
          ...options,
        });
      const shared: [string, string] = ["parallel.distributedOptimizer", String(distributedOptimizer)];
      const split = { layout, overrides: [...overrides, shared] };
      const parts = join(runs.directory, `${name} parts`);
      /** Resumes from what the run that was stopped saved, and saves it at once. */
      const resaved = (run: string, other: Layout) =>
        task(run, { layout: other, resume: join(parts, "step-00000002"), stopAfter: 0 });
      await runs.threadsInTurn(
        [
          task("whole", split),
          task("parts", { ...split, stopAfter: 2 }),
          ...others.map((other, index) => resaved(`other ${index}`, other)),
          task("parts", { ...split, resume: "auto" }),
        ],
        4 * data,
      );
      await runs.solo(resaved("alone", {}));
      if (everything) await runs.threads(resaved("pipeline", { pipeline: 2 }), 2);
      expect(tensorsOf(`${name} parts`, 4)).toEqual(tensorsOf(`${name} whole`, 4));
      const saved = tensorsOf(`${name} parts`, 2);
      expect(saved).not.toEqual(tensorsOf(`${name} parts`, 4));
      for (const run of ["alone", ...others.map((_, index) => `other ${index}`), ...(everything ? ["pipeline"] : [])]) {
        expect(tensorsOf(`${name} ${run}`, 2), run).toEqual(saved);
      }
    },
    everything ? 600_000 : undefined,
  );
});
