/** The `cpu` backend: TensorFlow.js's plain JavaScript. Slow; the reference in tests. */
import * as tf from "@tensorflow/tfjs";
import type { RunningBackend } from "./backend.ts";

/** Starts the cpu backend. */
export async function startCpu(): Promise<RunningBackend> {
  if (!(await tf.setBackend("cpu"))) throw new Error("the cpu backend did not start");
  await tf.ready();
  return { threads: 1, instructionSets: [] };
}
