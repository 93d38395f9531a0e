/** Fine-tuning under each MPI library of this machine equals that on threads: `npm run test:mpi`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findMpiLaunchers, mpirun } from "../../parallel/src/testing/mpi-launchers.ts";
import type { FinetuningOutcome } from "./testing/finetuning.rank.ts";
import { type FinetuningRuns, openFinetuningRuns } from "./testing/finetuning-runs.ts";

/** The loss and gradient norm of each step, and what validations find. */
const reported = ({ events }: FinetuningOutcome) =>
  events.flatMap((event) => {
    if (event.type === "evaluated") return [event.result.loss, event.scores];
    return event.type === "report" ? [event.report.loss, event.report.gradientNorm] : [];
  });

describe.skipIf(process.env.MEGATRON_TEST_MPI !== "1")("under MPI", () => {
  let runs: FinetuningRuns;
  beforeAll(async () => {
    runs = await openFinetuningRuns();
  });
  afterAll(() => runs.remove());

  const tasks = (on: string) => [
    runs.task(`${on} data`, { task: "classification", model: "gpt", parallel: { data: 2 } }),
    runs.task(`${on} text`, { task: "translation", model: "t5", parallel: { tensor: 2 } }),
    runs.task(`${on} lora`, {
      ...{ task: "sentiment", model: "bert", parallel: { tensor: 2 } },
      fields: { lora: { targets: "all", dropout: 0.1 } },
    }),
  ];

  it("weights and adapters are trained, and texts written, as on threads, bit for bit", async () => {
    const threads = (await runs.threads(tasks("threads"), 2)).map(reported);
    expect(threads.every((own) => own.length > 8)).toBe(true);
    const file = join(runs.directory, "tasks.json");
    for (const launcher of findMpiLaunchers()) {
      writeFileSync(file, JSON.stringify(tasks(launcher.name)));
      const { status, stdout, stderr } = mpirun(launcher, { ranks: 2, args: [fileURLToPath(runs.file), file, "8"] });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect((JSON.parse(stdout) as FinetuningOutcome[]).map(reported), launcher.name).toEqual(threads);
    }
  }, 600_000);
});
