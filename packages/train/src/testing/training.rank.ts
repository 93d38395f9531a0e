/** A rank of a tiny training run, as a thread or as a process under an MPI launcher. */
import { spawn } from "node:child_process";
import { start } from "@megatron-ts/engine";
import { countSentBytes, createMesh, type Transport } from "@megatron-ts/parallel";
import { createTokenizer, type Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { checkPretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { parseRecipe } from "../configuration/recipe.ts";
import { causalObjective } from "../objectives/causal/loss.ts";
import type { RunEvent } from "../run/events.ts";
import { pretrain } from "../run/pretrain.ts";
import { listenForStop } from "../run/stop.ts";
import { serveTasks } from "./serve-tasks.ts";

/** What the ranks train. */
export interface TrainingTask {
  recipe: string;
  overrides: [path: string, value: string][];
  /** Those of a single rank only, by its number. */
  rankOverrides?: Record<number, [path: string, value: string][]>;
  tokenizer: Tokenizer["json"];
  resume?: string;
  /** Makes every loss of a rank NaN after this step: a double for a rank whose memory or data fails. */
  nan?: { rank: number; after: number };
  /** The built worker that saves in the background, as a URL. */
  saveWorker?: string;
  /** Requests a stop of rank 1 (or of rank 0 if it is alone) after this step. */
  stopAfter?: number;
  /** Makes a rank slow: milliseconds added to each of its losses. */
  slow?: { rank: number; milliseconds: number };
  /** What befalls a rank after a step, or seconds later: a real signal to its own process, or, in a thread, a loop without end. */
  fate?: { rank: number | "all"; after: number; how: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "hang"; delay?: number };
}

/** What a rank saw. Events are rank 0's. */
export interface TrainingOutcome {
  events: RunEvent[];
  step: number;
  reason: string;
  /** Bytes that rank 0 had sent after each step. */
  sentBytes: number[];
  /** Bytes of rank 0's tensors after each step. */
  tensorBytes: number[];
  /** Bytes of each rank's tensors at their peak, on the native backend. */
  peakBytes: number[];
}

let engine: Promise<unknown> | null = null;
const started = () => (engine ??= start({ threads: 1 }));

/** Runs one rank; null for a run of this process alone. */
export async function trainRank(transport: Transport | null, task: TrainingTask): Promise<TrainingOutcome> {
  await started();
  const rank = transport?.rank ?? 0;
  const configuration = parseRecipe(task.recipe, {
    schema: pretrainConfigSchema,
    overrides: [...task.overrides, ...(task.rankOverrides?.[rank] ?? [])],
    check: checkPretrainConfig,
  });
  const counted = transport && countSentBytes(transport);
  const mesh = counted ? createMesh(counted, configuration.parallel) : undefined;
  const peakAfter = watchPeak();
  const tensorsBefore = tf.memory().numBytes;
  const events: RunEvent[] = [];
  const sentBytes: number[] = [];
  const tensorBytes: number[] = [];
  let steps = 0;
  const listening = task.fate?.how === "SIGTERM" ? listenForStop() : null;
  const isBroken = () => task.nan?.rank === rank && steps > task.nan.after;
  const restore = changeLoss((loss) => {
    if (task.slow?.rank === rank) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.slow.milliseconds);
    return isBroken() ? tf.mul(loss, Number.NaN) : loss;
  });
  const stop = {
    get requested() {
      const done = steps++;
      if (task.fate && ["all", rank].includes(task.fate.rank) && done === task.fate.after) meet(task.fate);
      const stopping = rank === Math.min(1, (transport?.size ?? 1) - 1) && done === task.stopAfter;
      return stopping ? "SIGTERM" : (listening?.requested ?? null);
    },
  };
  const training = pretrain(configuration, {
    tokenizer: await createTokenizer(task.tokenizer),
    resume: task.resume,
    saveWorker: task.saveWorker === undefined ? undefined : new URL(task.saveWorker),
    stop,
    mesh,
    onEvent: (event) => events.push(event),
    listeners: () => [
      {
        onStep() {
          sentBytes.push(counted?.sentBytes() ?? 0);
          tensorBytes.push(tf.memory().numBytes - tensorsBefore);
        },
      },
    ],
  });
  const result = await training.finally(() => {
    restore();
    listening?.dispose();
  });
  const peak = String(peakAfter());
  const peakBytes = (mesh ? mesh.world.gatherText(peak) : [peak]).map(Number);
  return { ...result, events, sentBytes, tensorBytes, peakBytes };
}

/** The peak of tensors from here on; NaN on backends that do not count it. */
function watchPeak(): () => number {
  const { engine } = tf.backend() as { engine?: { trim(): void; memory(): { inUse: number; peak: number } } };
  if (!engine) return () => Number.NaN;
  engine.trim();
  const before = engine.memory().inUse;
  return () => engine.memory().peak - before;
}

function meet({ how, delay = 0 }: NonNullable<TrainingTask["fate"]>): void {
  // By another process, whatever this one does by then.
  if (delay > 0) spawn("sh", ["-c", `sleep ${delay}; kill -s ${how.slice(3)} ${process.pid}`], { stdio: "ignore" });
  else if (how !== "hang") process.kill(process.pid, how);
  else for (;;);
}

/** Changes the loss of decoders. Returns what undoes it. */
function changeLoss(change: (loss: tf.Tensor) => tf.Tensor): () => void {
  const { byArrays } = causalObjective;
  const { lossSum } = byArrays!;
  byArrays!.lossSum = (...operands) => change(lossSum(...operands));
  return () => {
    byArrays!.lossSum = lossSum;
  };
}

await serveTasks(trainRank);
