/**
 * The built program, killed with SIGKILL at random moments of short runs that save at every second step: resumed, each run
 * ends with the bytes of the uninterrupted one. Needs `dist/`. MEGATRON_KILLS=220 kills more often, MEGATRON_SEED chooses
 * other moments.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listCheckpoints, verifyCheckpoint } from "@megatron-ts/checkpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSandbox, prepareCorpus } from "./testing/sandbox.ts";

const KILLS = Number(process.env.MEGATRON_KILLS ?? 2);
const SEED = Number(process.env.MEGATRON_SEED ?? 1);
/** Of one run, so that it also ends. */
const MOST_KILLS = 6;

const program = fileURLToPath(new URL("../bin/megatron.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/main.js", import.meta.url)));

const sandbox = createSandbox();
const { path } = sandbox;
let recipe: string;
beforeAll(async () => {
  if (!built) return;
  await prepareCorpus(sandbox);
  recipe = sandbox.recipe("recipe.yaml", "unused");
});
afterAll(sandbox.remove);

/** Numbers from 0 to 1 that depend on the seed. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
const numbers = random(SEED);
const below = (limit: number) => numbers.next().value * limit;

const options = [
  ...["--model.dropout", "0.1", "--train.log.every", "1", "--train.evaluation.every", "5"],
  ...["--train.checkpoint.every", "2", "--train.checkpoint.keepLast", "2", "--resume", "auto"],
];

interface Kill {
  /** The line of progress that starts the clock; null for the start of the process. */
  afterStep: number | null;
  milliseconds: number;
}

/** Runs the program to its end, or until it is killed. */
function train(directory: string, kill?: Kill) {
  const argv = [program, "pretrain", recipe, ...options, "--run.directory", directory];
  const child = spawn(process.execPath, argv, { env: { ...process.env, MEGATRON_THREADS: "1" } });
  const began = performance.now();
  let stderr = "";
  let timer: NodeJS.Timeout | undefined;
  const startClock = (milliseconds: number) => {
    timer ??= setTimeout(() => child.kill("SIGKILL"), milliseconds);
  };
  if (kill?.afterStep === null) startClock(kill.milliseconds);
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
    const step = Number(/^step +(\d+)\/(?!.*^step)/ms.exec(stderr)?.[1] ?? 0);
    if (kill?.afterStep != null && step >= kill.afterStep) startClock(kill.milliseconds);
  });
  return new Promise<{ code: number | null; signal: string | null; stderr: string; milliseconds: number }>(
    (resolve) => {
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stderr, milliseconds: performance.now() - began });
      });
    },
  );
}

/** Everything in a finished run's directory that does not depend on the clock. */
function contents(run: string) {
  const checkpoints = listCheckpoints(run).map(({ step, directory }) => {
    const { files, training, ...manifest } = verifyCheckpoint(directory);
    const { trainedSeconds: _, joules: __, ...state } = training as Record<string, unknown>;
    const digests = files.filter(({ name }) => name !== "recipe.yaml").map(({ name, sha256 }) => [name, sha256]);
    return { step, manifest, state, digests };
  });
  const validation = readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; validationLoss?: number })
    .filter(({ validationLoss }) => validationLoss !== undefined);
  const names = readdirSync(run).filter((name) => name !== "tensorboard");
  return { checkpoints, validation, names: names.sort() };
}

describe.runIf(built)("a killed run", () => {
  it(
    "resumes to the bytes of the uninterrupted run",
    async () => {
      const whole = await train(path("whole"));
      expect(whole.code, whole.stderr).toBe(0);
      const expected = contents(path("whole"));
      expect(expected.checkpoints.map(({ step }) => step)).toContain(20);
      let [kills, runs] = [0, 0];
      const saved = new Set<number | undefined>();
      while (kills < KILLS) {
        const run = path(`run-${runs++}`);
        for (let attempt = 0; ; attempt++) {
          // Half of the kills come while it starts, half while it steps and saves.
          const afterStep = below(2) < 1 ? null : 1 + Math.floor(below(20));
          const milliseconds = afterStep === null ? below(whole.milliseconds) : below(80);
          const kill = attempt < MOST_KILLS && kills < KILLS ? { afterStep, milliseconds } : undefined;
          const { code, signal, stderr } = await train(run, kill);
          if (signal !== "SIGKILL") {
            expect(code, stderr).toBe(0);
            break;
          }
          kills++;
          const left = listCheckpoints(run);
          for (const { directory } of left) verifyCheckpoint(directory);
          saved.add(left.at(-1)?.step);
        }
        expect(contents(run)).toEqual(expected);
      }
      if (process.env.MEGATRON_KILLS) console.log(`${kills} kills of ${runs} runs, at ${saved.size} states`);
    },
    60_000 + KILLS * 30_000,
  );
});
