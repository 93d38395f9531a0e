/** What a run must find again to go on as if it had never stopped, saved and loaded as one checkpoint. */
import {
  checkpointDirectory,
  checkpointsToDelete,
  deleteCheckpoint,
  type LoadedCheckpoint,
  listCheckpoints,
  readManifest,
  readTensor,
  saveCheckpoint,
  tensorEntry,
  weightEntries,
} from "@megatron-ts/checkpoint";
import type { Model } from "@megatron-ts/model";
import { formatRecipe } from "../configuration/recipe.ts";
import type { PlateauState } from "../schedules/plateau.ts";
import type { NoiseScaleState } from "../step/noise-scale.ts";
import type { Moments, Optimizer } from "../step/optimizer.ts";

/** State of the loop beside weights and moments; plain JSON. */
export interface LoopState {
  /** Updates done. */
  step: number;
  consumedSamples: number;
  /** Of the schedule that reduces on a plateau; null for all others. */
  plateau: PlateauState | null;
  noiseScale: NoiseScaleState;
  /** Seconds of training so far: what a time limit counts. */
  trainedSeconds: number;
}

export interface SaveTrainingOptions {
  runDirectory: string;
  model: Model;
  optimizer: Optimizer;
  state: LoopState;
  configuration: object;
  tokenizer: { json: object; fingerprint: string };
  heldOutLoss?: number;
  keep: { last: number; best: number };
}

const momentNames = (name: string) => ({ first: `first.${name}`, second: `second.${name}` });

/** Saves, then forgets the checkpoints that the policy no longer wants. Gives the new checkpoint's directory. */
export async function saveTraining(options: SaveTrainingOptions): Promise<string> {
  const { runDirectory, model, optimizer, state, configuration, tokenizer, heldOutLoss, keep } = options;
  const directory = checkpointDirectory(runDirectory, state.step);
  const { step, consumedSamples, ...training } = state;
  await saveCheckpoint({
    directory,
    step,
    consumedSamples,
    model: model.config as never,
    tokenizerFingerprint: tokenizer.fingerprint,
    heldOutLoss,
    training: training as never,
    groups: {
      weights: weightEntries(model.parameters),
      optimizer: [...optimizer.moments].flatMap(([name, { first, second }]) => [
        tensorEntry(momentNames(name).first, first),
        tensorEntry(momentNames(name).second, second),
      ]),
    },
    extraFiles: {
      "recipe.yaml": Buffer.from(formatRecipe(configuration)),
      "tokenizer.json": Buffer.from(JSON.stringify(tokenizer.json)),
    },
  });
  const saved = listCheckpoints(runDirectory).map((checkpoint) => ({
    ...checkpoint,
    heldOutLoss: readManifest(checkpoint.directory).heldOutLoss,
  }));
  const forgotten = new Set(checkpointsToDelete(saved, keep));
  for (const checkpoint of saved) if (forgotten.has(checkpoint.step)) deleteCheckpoint(checkpoint.directory);
  return directory;
}

/** The loop's state as a checkpoint has it. */
export function loopStateOf({ manifest }: LoadedCheckpoint): LoopState {
  const { step, consumedSamples, training } = manifest;
  return { step, consumedSamples, ...(training as unknown as Omit<LoopState, "step" | "consumedSamples">) };
}

/** Reads the moments of a parameter from a checkpoint, for `createAdamW`. */
export const loadMoments =
  (checkpoint: LoadedCheckpoint) =>
  (name: string, shape: readonly number[]): Moments => {
    const names = momentNames(name);
    const reader = checkpoint.optimizer;
    if (!reader) throw new Error(`${checkpoint.directory} holds no optimizer state: training cannot go on from it`);
    return { first: readTensor(reader, names.first, shape), second: readTensor(reader, names.second, shape) };
  };
