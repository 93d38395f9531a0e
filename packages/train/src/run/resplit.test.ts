/**
 * Checkpoints do not depend on how the ranks that saved them split the model: any other split loads the same bits. Here between 4 ranks
 * and one; from 2 x 2 x 2 to 1, 4 x 1 x 2 and 1 x 2 x 1 with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/resplit.
 */
import { join } from "node:path";
import { loadLatestCheckpoint } from "@megatron-ts/checkpoint";
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

/** The digests of the files of a run's weights. */
function weightsOf(name: string) {
  const { manifest, close } = loadLatestCheckpoint(join(runs.directory, name));
  close();
  return manifest.files.filter((file) => file.name.startsWith("weights-")).map(({ sha256 }) => sha256);
}

const everything = process.env.MEGATRON_TEST_SPLITS === "1";
const data = everything ? 2 : 1;

describe("weights saved by ranks that split the model", () => {
  it("are the same bits at any other split", async () => {
    const saved = runs.task("saved", `{ family: gpt, ${size} }`, {
      overrides: [
        ...train,
        ["train.checkpoint", "{ every: 1, background: true }"],
        ["parallel.distributedOptimizer", String(data > 1)],
      ],
      saveWorker: worker.file.href,
      layout: { tensor: 2, pipeline: 2, data },
      stopAfter: 2,
    });
    const from = `{ from: ${join(runs.directory, "saved")} }`;
    const loaded = (name: string, layout: object) => runs.task(name, from, { overrides: train, layout, stopAfter: 0 });
    await runs.threadsInTurn([saved, loaded("tensor", { tensor: 4, data })], 4 * data);
    await runs.solo(loaded("alone", {}));
    if (everything) await runs.threads(loaded("pipeline", { pipeline: 2 }), 2);
    await runs.solo(runs.task("initial", `{ family: gpt, ${size} }`, { overrides: train, stopAfter: 0 }));
    const names = ["tensor", "alone", ...(everything ? ["pipeline"] : [])];
    for (const name of names) expect(weightsOf(name)).toEqual(weightsOf("saved"));
    expect(weightsOf("initial")).not.toEqual(weightsOf("saved"));
  });
});
