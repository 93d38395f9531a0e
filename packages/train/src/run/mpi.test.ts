/** Runs under each MPI library of this machine equal runs on threads: `npm run test:mpi`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findMpiLaunchers, mpirun } from "../../../parallel/src/testing/mpi-launchers.ts";
import type { TrainingOutcome } from "../testing/training.rank.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

const model =
  "{ family: gpt, vocabularySize: 325, numLayers: 2, hiddenSize: 32, numHeads: 4, maxPositions: 32, dropout: 0.1 }";

const splits = [
  { data: 2 },
  { data: 2, distributedOptimizer: true },
  { tensor: 2 },
  { tensor: 2, sequenceParallel: true },
  { pipeline: 2 },
  { context: 2 },
];

/** The loss and gradient norm of each step, and the validation losses. */
const losses = ({ events }: TrainingOutcome) =>
  events.flatMap((event) => {
    if (event.type === "evaluated") return [event.result.loss];
    return event.type === "report" ? [event.report.loss, event.report.gradientNorm] : [];
  });

describe.skipIf(process.env.MEGATRON_TEST_MPI !== "1")("under MPI", () => {
  let runs: TrainingRuns;
  beforeAll(async () => {
    runs = await openTrainingRuns();
  });
  afterAll(() => runs.remove());

  /** The same runs for each transport, in directories of their own. */
  const tasks = (on: string) =>
    splits.map((parallel, index) =>
      runs.task(`${on} ${index}`, model, {
        overrides: [
          ["train.steps", "6"],
          ["train.evaluation.every", "6"],
          ["train.microBatchSize", "2"],
          ["parallel", JSON.stringify(parallel)],
        ],
      }),
    );

  it("steps of GPT at every split are those of threads, bit for bit", async () => {
    const threads = (await runs.threadsInTurn(tasks("threads"), 2)).map(losses);
    expect(threads.every((own) => own.length > 12)).toBe(true);
    for (const launcher of findMpiLaunchers()) {
      const file = join(runs.directory, "tasks.json");
      writeFileSync(file, JSON.stringify(tasks(launcher.name)));
      const { status, stdout, stderr } = mpirun(launcher, { ranks: 2, args: [fileURLToPath(runs.file), file] });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const found = (JSON.parse(stdout) as TrainingOutcome[]).map(losses);
      splits.forEach((split, i) => {
        expect(found[i], `${launcher.name} ${JSON.stringify(split)}`).toEqual(threads[i]);
      });
    }
  }, 600_000);
});
