/**
 * Runs under each MPI library of this machine equal runs on threads, also where signals stop or end a rank: `npm run test:mpi`. With
 * MEGATRON_KILLS=100 ranks are killed as often, one of them or all, at random moments of steps and of saves, which are in the background in
 * every other run.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listCheckpoints, verifyCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { findMpiLaunchers, type MpiLauncher, mpirun } from "../../../parallel/src/testing/mpi-launchers.ts";
import type { TrainingOutcome, TrainingTask } from "../testing/training.rank.ts";
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

/** How often a rank is killed, at moments that are other ones in every run. */
const KILLS = Number(process.env.MEGATRON_KILLS ?? 0);

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

  /** Runs tasks on two ranks, which wait a second for each other, besides the time of their own work. */
  function train(launcher: MpiLauncher, own: readonly TrainingTask[]) {
    const file = join(runs.directory, "tasks.json");
    writeFileSync(file, JSON.stringify(own));
    return mpirun(launcher, { ranks: 2, args: [fileURLToPath(runs.file), file, "1"] });
  }

  it("steps of GPT at every split are those of threads, bit for bit", async () => {
    const threads = (await runs.threadsInTurn(tasks("threads"), 2)).map(losses);
    expect(threads.every((own) => own.length > 12)).toBe(true);
    for (const launcher of findMpiLaunchers()) {
      const { status, stdout, stderr } = train(launcher, tasks(launcher.name));
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const found = (JSON.parse(stdout) as TrainingOutcome[]).map(losses);
      splits.forEach((split, i) => {
        expect(found[i], `${launcher.name} ${JSON.stringify(split)}`).toEqual(threads[i]);
      });
    }
  }, 600_000);

  it("a rank that gets SIGTERM, SIGSTOP or SIGKILL ends all, and resuming ends with the losses of a run without", async () => {
    const task = (name: string, options: Partial<TrainingTask> = {}) =>
      runs.task(name, model, {
        overrides: [
          ["train.steps", "9"],
          ["train.checkpoint.every", "2"],
        ],
        layout: { data: 2 },
        resume: "auto",
        ...options,
      });
    const whole = losses(await runs.threads(task("uninterrupted"), 2));
    for (const launcher of findMpiLaunchers()) {
      const run = (how?: "SIGTERM" | "SIGSTOP" | "SIGKILL", after = 0) =>
        train(launcher, [task(`signals ${launcher.name}`, how && { fate: { rank: 1, after, how } })]);

      const stopped = run("SIGTERM", 3);
      expect(stopped).toMatchObject({ status: 0, stderr: "" });
      const [outcome] = JSON.parse(stopped.stdout) as TrainingOutcome[];
      expect(outcome).toMatchObject({ reason: "stopped" });
      expect([3, 4]).toContain(outcome!.step);

      const hung = run("SIGSTOP", 6 - outcome!.step);
      expect(hung.status).toBe(1);
      expect(hung.stderr).toMatch(new RegExp(`^after step 6: rank 1 on ${hostname()} did not answer rank 0 `, "m"));

      // The launcher ends the others at once, with its own exit code, and sometimes the shell before it has spoken.
      let killed = run("SIGKILL", 1);
      for (let others = 9; others > 0 && killed.stderr === ""; others--) killed = run("SIGKILL", 1);
      expect(killed.status).not.toBe(0);
      expect(killed.stderr).toMatch(new RegExp(`^after step 7: rank 1 on ${hostname()} was killed `, "m"));

      const resumed = run();
      expect(resumed).toMatchObject({ status: 0, stderr: "" });
      const rest = losses((JSON.parse(resumed.stdout) as TrainingOutcome[])[0]!);
      expect(rest).toHaveLength(2 * 3 + 1);
      expect(rest).toEqual(whole.slice(-rest.length));
    }
  }, 600_000);

  it.runIf(KILLS > 0)(
    "ranks killed while they save always resume from a whole checkpoint, to the losses of a run without",
    async () => {
      const worker = await buildRank(new URL("../../../checkpoint/src/save-worker.ts", import.meta.url));
      const [launcher] = findMpiLaunchers();
      const task = (
        name: string,
        { background = false, fate }: { background?: boolean; fate?: TrainingTask["fate"] } = {},
      ) =>
        runs.task(name, model, {
          overrides: [
            ["train.steps", "40"],
            ["train.checkpoint", `{ every: 1, background: ${background} }`],
            ["parallel.distributedOptimizer", "true"],
          ],
          ...{ layout: { data: 2 }, resume: "auto", saveWorker: worker.file.href, fate },
        });
      const whole = losses(await runs.threads(task("never killed"), 2));
      for (let kills = 0, round = 0; kills < KILLS; round++) {
        const name = `killed ${round}`;
        const background = round % 2 === 0;
        const everyone = round % 4 >= 2;
        for (let tries = 0; ; tries++) {
          const delay = 0.01 + Math.random() / 4;
          const fate = {
            rank: everyone ? ("all" as const) : Math.floor(Math.random() * 2),
            after: 1 + Math.floor(Math.random() * 6),
            how: "SIGKILL",
            delay,
          } as const;
          const { status, stdout, stderr } = train(launcher!, [
            task(name, { background, fate: tries < 5 && kills < KILLS ? fate : undefined }),
          ]);
          for (const { directory } of listCheckpoints(join(runs.directory, name))) verifyCheckpoint(directory);
          if (status !== 0) {
            kills++;
            continue;
          }
          expect(stderr).toBe("");
          const rest = losses((JSON.parse(stdout) as TrainingOutcome[])[0]!);
          expect(rest.length).toBeGreaterThan(0);
          expect(rest).toEqual(whole.slice(-rest.length));
          break;
        }
        const left = readdirSync(join(runs.directory, name)).filter((file) => file.startsWith("."));
        expect(left).toEqual([]);
        console.log(
          `${kills} kills: ${everyone ? "all ranks" : "one rank"}, saves in the ${background ? "back" : "fore"}ground`,
        );
      }
      worker.remove();
    },
    60_000 + KILLS * 60_000,
  );
});
