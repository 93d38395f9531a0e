/** Entry point of a worker thread that writes one checkpoint. Built as a file of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { CheckpointError } from "./errors.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import type { SaveFailure, SaveWorkerData } from "./save-in-background.ts";

const port = parentPort;
if (!port) throw new Error("the saving worker must run in a worker thread");

const { groups, ...options } = workerData as SaveWorkerData;
const lazily = (entries: SaveWorkerData["groups"]["weights"]) =>
  entries.map(({ bytes, ...entry }) => ({ ...entry, bytes: () => bytes }));
let failure: SaveFailure | null = null;
try {
  const { weights, optimizer } = groups;
  await saveCheckpoint({
    ...options,
    groups: { weights: lazily(weights), optimizer: optimizer && lazily(optimizer) },
  });
} catch (error) {
  const { message } = error as Error;
  failure = { message, userError: error instanceof CheckpointError && error.userError };
}
port.postMessage(failure);
