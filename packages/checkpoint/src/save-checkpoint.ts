/**
 * Saves a checkpoint: one directory, there as a whole or not at all, with weights and optimizer state in separate
 * safetensors files. Knows bytes; tensors and models are its callers'.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { commitDirectory } from "./directory.ts";
import { userError } from "./errors.ts";
import { type WriteBytes, writeFileOnce } from "./file-writer.ts";
import { encodeManifest, manifestFile } from "./manifest.ts";
import {
  fileNameSchema,
  formatVersion,
  type JsonRecord,
  type Manifest,
  type ManifestTensor,
} from "./manifest-schema.ts";
import { writeSafetensors } from "./safetensors.ts";
import { planShards, shardName } from "./shards.ts";
import type { TensorEntry } from "./tensor-entry.ts";

export interface SaveCheckpointOptions {
  /** The checkpoint's own directory. An earlier checkpoint there is exchanged; anything else there is refused. */
  directory: string;
  /** Optimizer steps taken. */
  step: number;
  /** Training samples consumed. */
  consumedSamples: number;
  /** Everything that rebuilds the model, as JSON. */
  model: JsonRecord;
  tokenizerFingerprint?: string;
  /** Evaluation loss at this step, nats per token. One that is not finite is not recorded. */
  heldOutLoss?: number;
  /** What else the training loop carries, as JSON. */
  training?: JsonRecord;
  groups: { weights: Iterable<TensorEntry>; optimizer?: Iterable<TensorEntry> };
  /** Further files, by name: the tokenizer, the recipe. */
  extraFiles?: Record<string, Uint8Array>;
  /** Tensors go into several files beyond this size. Default 4 GiB. */
  maxShardBytes?: number;
  /** Stands in for `fs.writeSync`. */
  write?: WriteBytes;
}

interface Saving {
  directory: string;
  maxShardBytes: number;
  write?: WriteBytes;
}

function saveGroup(name: string, tensors: Iterable<TensorEntry>, saving: Saving) {
  const shards = planShards([...tensors], saving.maxShardBytes);
  const files: Manifest["files"] = [];
  const described: ManifestTensor[] = [];
  for (const [index, entries] of shards.entries()) {
    const file = shardName(name, { index, count: shards.length });
    files.push({ name: file, ...writeSafetensors(join(saving.directory, file), entries, { write: saving.write }) });
    for (const { name: tensor, dtype, shape } of entries) {
      const slice = { file, origin: shape.map(() => 0), shape: [...shape] };
      described.push({ name: tensor, dtype, shape: [...shape], slices: [slice] });
    }
  }
  return { files, tensors: described };
}

function saveExtraFile(name: string, bytes: Uint8Array, saving: Saving): Manifest["files"][number] {
  if (!fileNameSchema.safeParse(name).success || name === manifestFile || existsSync(join(saving.directory, name))) {
    throw new Error(`a checkpoint cannot hold an extra file named "${name}"`);
  }
  return { name, ...writeFileOnce(join(saving.directory, name), (emit) => emit(bytes), { write: saving.write }) };
}

/**
 * Saves a checkpoint and returns when it is on the disk. Throws a CheckpointError when the file system refuses, with
 * `userError: false` for a full disk; then, as after a crash at any moment, all earlier checkpoints are untouched.
 */
export async function saveCheckpoint(options: SaveCheckpointOptions): Promise<void> {
  const { directory, groups, extraFiles = {}, maxShardBytes = 2 ** 32, write } = options;
  if (existsSync(directory) && !existsSync(join(directory, manifestFile))) {
    throw userError(`${directory} exists and is not a checkpoint; choose another directory`);
  }
  await commitDirectory(
    directory,
    (workplace) => {
      const saving = { directory: workplace, maxShardBytes, write };
      const weights = saveGroup("weights", groups.weights, saving);
      const optimizer = groups.optimizer && saveGroup("optimizer", groups.optimizer, saving);
      const extras = Object.entries(extraFiles).map(([name, bytes]) => saveExtraFile(name, bytes, saving));
      const manifest: Manifest = {
        formatVersion,
        step: options.step,
        consumedSamples: options.consumedSamples,
        model: options.model,
        tokenizerFingerprint: options.tokenizerFingerprint ?? null,
        heldOutLoss: Number.isFinite(options.heldOutLoss) ? options.heldOutLoss! : null,
        training: options.training ?? {},
        groups: {
          weights: { tensors: weights.tensors },
          ...(optimizer && { optimizer: { tensors: optimizer.tensors } }),
        },
        files: [...weights.files, ...(optimizer?.files ?? []), ...extras],
      };
      const bytes = encodeManifest(manifest);
      writeFileOnce(join(workplace, manifestFile), (emit) => emit(bytes), { write });
    },
    { replace: true },
  );
}
