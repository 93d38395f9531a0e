/** Rewrites a checkpoint in other files: what many ranks wrote in pieces becomes whole tensors in as few files as they fit in. */
import { existsSync } from "node:fs";
import { weightsFingerprint } from "./adapter/open-model-checkpoint.ts";
import { userError } from "./errors.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "./load-checkpoint.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import type { TensorEntry } from "./tensor-entry.ts";
import type { TensorReader } from "./tensor-reader.ts";

/**
 * Copies a checkpoint to a directory of its own, with the same tensors, state and other files. One tensor at a time is in memory.
 * @param options.maxShardBytes size at which tensors are split into several files. Default: 4 GiB
 * @returns how many files tensors are in, before and after
 * @throws CheckpointError for a damaged checkpoint, and for a target that exists
 */
export async function reshardCheckpoint(
  directory: string,
  target: string,
  { maxShardBytes }: { maxShardBytes?: number } = {},
): Promise<{ before: number; after: number }> {
  if (existsSync(target)) throw userError(`${target} already exists; choose another directory, or remove it first`);
  const checkpoint = loadCheckpoint(directory);
  try {
    const { manifest, weights, optimizer } = checkpoint;
    const used = tensorFiles(checkpoint);
    const others = manifest.files.filter(({ name }) => !used.has(name));
    await saveCheckpoint({
      directory: target,
      maxShardBytes,
      step: manifest.step,
      consumedSamples: manifest.consumedSamples,
      model: manifest.model,
      tokenizerFingerprint: manifest.tokenizerFingerprint ?? undefined,
      heldOutLoss: manifest.heldOutLoss ?? undefined,
      training: manifest.training,
      weightsFingerprint: weightsFingerprint(checkpoint),
      groups: { weights: entriesOf(weights), ...(optimizer && { optimizer: entriesOf(optimizer) }) },
      extraFiles: Object.fromEntries(others.map(({ name }) => [name, checkpoint.readFile(name)])),
    });
    const written = loadCheckpoint(target);
    written.close();
    return { before: used.size, after: tensorFiles(written).size };
  } finally {
    checkpoint.close();
  }
}

function tensorFiles({ manifest: { groups } }: LoadedCheckpoint): Set<string> {
  const tensors = [...groups.weights.tensors, ...(groups.optimizer?.tensors ?? [])];
  return new Set(tensors.flatMap(({ slices }) => slices.map(({ file }) => file)));
}

const entriesOf = (reader: TensorReader): TensorEntry[] =>
  reader.names.map((name) => ({ name, ...reader.info(name), bytes: () => reader.read(name) }));
