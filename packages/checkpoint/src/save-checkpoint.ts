/**
 * Saves a checkpoint: a directory, written atomically, with weights and optimizer state in separate safetensors files.
 * Knows bytes, not tensors or models.
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
  type Manifest,
  type ManifestInput,
  type ManifestTensor,
} from "./manifest-schema.ts";
import { writeSafetensors } from "./safetensors.ts";
import { planShards, shardName } from "./shards.ts";
import type { TensorEntry } from "./tensor-entry.ts";

/** What to save, and where. */
export interface SaveCheckpointOptions {
  /** The checkpoint's own directory. An earlier checkpoint there is replaced; anything else is an error. */
  directory: string;
  /** Optimizer steps taken. */
  step: number;
  /** Training samples consumed. */
  consumedSamples: number;
  /** Configuration of the model, as JSON. */
  model: Readonly<Record<string, unknown>>;
  /** Identifies the tokenizer that the embeddings belong to. */
  tokenizerFingerprint?: string;
  /** Validation loss at this step, in nats per token. Not recorded unless it is finite. */
  heldOutLoss?: number;
  /** Other state of the training loop, as JSON. */
  training?: Readonly<Record<string, unknown>>;
  /** Tensors; the optimizer's are optional. */
  groups: { weights: Iterable<TensorEntry>; optimizer?: Iterable<TensorEntry> };
  /** Additional files by name, such as the tokenizer and the recipe. */
  extraFiles?: Record<string, Uint8Array>;
  /** Size at which tensors are split into several files. Default: 4 GiB. */
  maxShardBytes?: number;
  /** Replaces `fs.writeSync`, for tests. */
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
    throw new Error(`a checkpoint cannot contain an extra file named "${name}"`);
  }
  return { name, ...writeFileOnce(join(saving.directory, name), (emit) => emit(bytes), { write: saving.write }) };
}

/**
 * Saves a checkpoint, and resolves when it is on disk. If saving fails, or the process crashes at any moment, all
 * earlier checkpoints are untouched.
 * @throws CheckpointError if the file system fails; `userError` is false for a full or failing disk
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
      const manifest: ManifestInput = {
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
