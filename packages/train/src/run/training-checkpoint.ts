/** Saves and loads checkpoints with everything that a run needs to resume bit for bit. */
import {
  checkpointDirectory,
  checkpointSource,
  checkpointsToDelete,
  deleteCheckpoint,
  type LoadedCheckpoint,
  listRetainedCheckpoints,
  readPart,
  type SaveCheckpointOptions,
  type TensorEntry,
  type TensorReader,
} from "@megatron-ts/checkpoint";
import type { Model } from "@megatron-ts/model";
import type { Parameter, ParameterSource } from "@megatron-ts/parallel";
import { formatRecipe } from "../configuration/recipe.ts";
import type { PlateauState } from "../schedules/plateau.ts";
import type { NoiseScaleState } from "../step/noise-scale.ts";
import type { LoadState, Optimizer } from "../step/optimizer.ts";
import type { Shards } from "../step/shards.ts";
import type { WeightAverage } from "../step/weight-average.ts";
import { trainedName, trainingEntries, wholeWeights } from "./training-entries.ts";

/** The state of the loop besides weights and moments; plain JSON. */
export interface LoopState {
  /** Number of updates done. */
  step: number;
  consumedSamples: number;
  noiseScale: NoiseScaleState;
  /** Seconds of training so far, as counted by a time limit. */
  trainedSeconds: number;
  /** Those until the warm-up was over; null before, and without a time limit. Older checkpoints lack it. */
  warmedUpSeconds?: number | null;
  /** The best validation, and how many have come after it; only in runs that end when validation no longer improves. */
  best?: { criterion: number; age: number };
  /** Of the machine so far. Older checkpoints lack it. */
  joules?: number;
}

/** The file with the resolved recipe, in the run directory and in each checkpoint. */
export const RECIPE_FILE = "recipe.yaml";

export interface SaveTrainingOptions {
  runDirectory: string;
  model: Model;
  optimizer: Optimizer;
  shards: Shards | null;
  average: WeightAverage | null;
  /** Whether this stage of the pipeline is the first that has a weight. Default: there is one stage. */
  isFirst?: (parameter: Parameter) => boolean;
  state: LoopState;
  /** State of a schedule that reduces on a plateau; null for all others. */
  plateau: PlateauState | null;
  /** Fingerprints of the datasets by prefix. */
  datasets: Record<string, string>;
  configuration: object;
  tokenizer: { json: object; fingerprint: string };
  /** Further files, by name. */
  files: Readonly<Record<string, Uint8Array>>;
  /** Files of an adapter in a format of its own, made of its whole weights; the weights of its base are not saved. */
  adapterFiles?: ((weights: readonly TensorEntry[]) => Record<string, Uint8Array>) | null;
  validationLoss?: number;
}

/** How many checkpoints a run keeps: the last ones, and the best ones. */
export interface Retention {
  last: number;
  best: number;
}

/** What a checkpoint of a run holds, and what this rank writes of it. All ranks call it. Its weights are the average if there is one, since that is what evaluates better. */
export function checkpointOf(options: SaveTrainingOptions): SaveCheckpointOptions {
  const { runDirectory, model, state, plateau, datasets, configuration, tokenizer } = options;
  const { validationLoss, adapterFiles } = options;
  const groups = trainingEntries({ ...options, trainedOnly: adapterFiles != null });
  const directory = checkpointDirectory(runDirectory, state.step);
  const { step, consumedSamples, ...training } = state;
  return {
    directory,
    step,
    consumedSamples,
    model: { ...model.config },
    tokenizerFingerprint: tokenizer.fingerprint,
    heldOutLoss: validationLoss,
    training: { ...training, plateau, datasets },
    groups,
    ranks: model.mesh.world,
    extraFiles: {
      ...options.files,
      ...adapterFiles?.(wholeWeights(options)),
      [RECIPE_FILE]: Buffer.from(formatRecipe(configuration)),
      "tokenizer.json": Buffer.from(JSON.stringify(tokenizer.json)),
    },
  };
}

/**
 * Deletes the checkpoints up to `step` that `keep` does not cover. Later ones, which are damaged or of a run that went on from
 * `step` before, are replaced when the run gets there: if they counted, `keep` might cover none of this run.
 */
export function deleteOldCheckpoints(runDirectory: string, { step, keep }: { step: number; keep: Retention }): void {
  const saved = listRetainedCheckpoints(runDirectory).filter((checkpoint) => checkpoint.step <= step);
  const deleted = new Set(checkpointsToDelete(saved, keep));
  for (const checkpoint of saved) if (deleted.has(checkpoint.step)) deleteCheckpoint(checkpoint.directory);
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
  // Written by checkpointOf; the manifest's checksum covers it.
  const { plateau, datasets = {}, ...rest } = training as unknown as SavedTraining;
  return { state: { step, consumedSamples, ...rest }, plateau, datasets };
}

type SavedTraining = Omit<LoopState, "step" | "consumedSamples"> & Omit<SavedState, "state">;

function optimizerOf({ optimizer, directory }: LoadedCheckpoint): TensorReader {
  if (!optimizer) throw new Error(`${directory} has no optimizer state: training cannot resume from it`);
  return optimizer;
}

/** Reads the state of an optimizer from a checkpoint, by name. */
export function loadOptimizerState(checkpoint: LoadedCheckpoint): LoadState {
  const reader = optimizerOf(checkpoint);
  return (name, parameter) => readPart(reader, name, parameter);
}

/** The weights that a run resumes with, and the reader of their average if the checkpoint has one. */
export function trainedWeights(checkpoint: LoadedCheckpoint): {
  source: ParameterSource;
  average: LoadState | null;
} {
  const { weights } = checkpoint;
  const reader = optimizerOf(checkpoint);
  if (!reader.names.some((name) => name.startsWith(trainedName("")))) {
    return { source: checkpointSource(weights), average: null };
  }
  const trained = new Set(reader.names);
  return {
    source: (declaration) => {
      const name = trainedName(declaration.name);
      return trained.has(name) ? readPart(reader, name, declaration) : readPart(weights, declaration.name, declaration);
    },
    average: (name, parameter) => readPart(weights, name, parameter),
  };
}
