/** Saves and loads checkpoints with everything that a run needs to resume bit for bit. */
import {
  checkpointDirectory,
  checkpointsToDelete,
  deleteCheckpoint,
  type LoadedCheckpoint,
  listRetainedCheckpoints,
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

/** The state of the loop besides weights and moments; plain JSON. */
export interface LoopState {
  /** Number of updates done. */
  step: number;
  consumedSamples: number;
  noiseScale: NoiseScaleState;
  /** Seconds of training so far, as counted by a time limit. */
  trainedSeconds: number;
}

/** The file with the resolved recipe, in the run directory and in each checkpoint. */
export const RECIPE_FILE = "recipe.yaml";

export interface SaveTrainingOptions {
  runDirectory: string;
  model: Model;
  optimizer: Optimizer;
  state: LoopState;
  /** State of a schedule that reduces on a plateau; null for all others. */
  plateau: PlateauState | null;
  /** Fingerprints of the datasets by prefix. */
  datasets: Record<string, string>;
  configuration: object;
  tokenizer: { json: object; fingerprint: string };
  validationLoss?: number;
  keep: { last: number; best: number };
}

const momentNames = (name: string) => ({ first: `first.${name}`, second: `second.${name}` });

/** Saves a checkpoint and deletes those that `keep` does not cover. Returns the new checkpoint's directory. */
export async function saveTraining(options: SaveTrainingOptions): Promise<string> {
  const { runDirectory, model, optimizer, state, plateau, datasets, configuration, tokenizer, validationLoss, keep } =
    options;
  const directory = checkpointDirectory(runDirectory, state.step);
  const { step, consumedSamples, ...training } = state;
  await saveCheckpoint({
    directory,
    step,
    consumedSamples,
    model: { ...model.config },
    tokenizerFingerprint: tokenizer.fingerprint,
    heldOutLoss: validationLoss,
    training: { ...training, plateau, datasets },
    groups: {
      weights: weightEntries(model.parameters),
      optimizer: [...optimizer.moments].flatMap(([name, { first, second }]) => [
        tensorEntry(momentNames(name).first, first),
        tensorEntry(momentNames(name).second, second),
      ]),
    },
    extraFiles: {
      [RECIPE_FILE]: Buffer.from(formatRecipe(configuration)),
      "tokenizer.json": Buffer.from(JSON.stringify(tokenizer.json)),
    },
  });
  const saved = listRetainedCheckpoints(runDirectory);
  const deleted = new Set(checkpointsToDelete(saved, keep));
  for (const checkpoint of saved) if (deleted.has(checkpoint.step)) deleteCheckpoint(checkpoint.directory);
  return directory;
}

/** Everything that a run resumes with besides weights and moments. */
export interface SavedState {
  state: LoopState;
  plateau: PlateauState | null;
  /** Fingerprints of the datasets by prefix; empty in checkpoints from before they were saved. */
  datasets: Readonly<Record<string, string>>;
}

/** The state that a checkpoint was saved with. */
export function savedStateOf({ manifest }: LoadedCheckpoint): SavedState {
  const { step, consumedSamples, training } = manifest;
  // Written by saveTraining; the manifest's checksum covers it.
  const { plateau, datasets = {}, ...rest } = training as unknown as SavedTraining;
  return { state: { step, consumedSamples, ...rest }, plateau, datasets };
}

type SavedTraining = Omit<LoopState, "step" | "consumedSamples"> & Omit<SavedState, "state">;

/** Reads the moments of a parameter from a checkpoint, for `createAdamW`. */
export const loadMoments =
  (checkpoint: LoadedCheckpoint) =>
  (name: string, shape: readonly number[]): Moments => {
    const names = momentNames(name);
    const reader = checkpoint.optimizer;
    if (!reader) throw new Error(`${checkpoint.directory} has no optimizer state: training cannot resume from it`);
    return { first: readTensor(reader, names.first, shape), second: readTensor(reader, names.second, shape) };
  };
