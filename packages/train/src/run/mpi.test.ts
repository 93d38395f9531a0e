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

  it.each([{ data: 2 }, { tensor: 2 }])(
    "20 steps of GPT, split as %j, are those of threads, bit for bit",
    async (layout) => {
      const threads = await runs.threads(runs.task(`threads ${JSON.stringify(layout)}`, model, { layout }), 2);
      for (const launcher of findMpiLaunchers()) {
        const file = join(runs.directory, "task.json");
        writeFileSync(file, JSON.stringify(runs.task(`${launcher.name} ${JSON.stringify(layout)}`, model, { layout })));
        const { status, stdout, stderr } = mpirun(launcher, { ranks: 2, args: [fileURLToPath(runs.file), file] });
        expect(stderr).toBe("");
        expect(status).toBe(0);
        expect(losses(JSON.parse(stdout) as TrainingOutcome), launcher.name).toEqual(losses(threads));
      }
    },
  );
});
