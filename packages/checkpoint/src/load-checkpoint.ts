/**
 * Opens a checkpoint. The manifest and the size of every file are checked immediately, the bytes of a file when it is
 * first read: nothing unverified is ever returned, and files that are not read cost nothing but a descriptor.
 */
import { openCheckpointFiles } from "./checkpoint-files.ts";
import { readManifest } from "./manifest.ts";
import type { Manifest } from "./manifest-schema.ts";
import { readExactly } from "./read-exactly.ts";
import { createTensorReader, type TensorReader } from "./tensor-reader.ts";

/** An open checkpoint. */
export interface LoadedCheckpoint {
  directory: string;
  manifest: Manifest;
  weights: TensorReader;
  /** Undefined if only weights were saved. */
  optimizer: TensorReader | undefined;
  /** Of weights with adapters merged into them: the fingerprint of the base. */
  base?: string;
  /** The verified bytes of an additional file (the tokenizer, the recipe). */
  readFile(name: string): Uint8Array;
  /** Closes all files. */
  close(): void;
}

/**
 * Opens a checkpoint. The caller closes it.
 * @throws CheckpointError for missing, truncated or damaged files, or another format version
 */
export function loadCheckpoint(directory: string): LoadedCheckpoint {
  const manifest = readManifest(directory);
  const { groups } = manifest;
  const files = openCheckpointFiles(directory, manifest.files);
  const readerOf = (group: Manifest["groups"]["weights"]): TensorReader =>
    createTensorReader(directory, { group: group.tensors, files });
  return {
    directory,
    manifest,
    weights: readerOf(groups.weights),
    optimizer: groups.optimizer && readerOf(groups.optimizer),
    readFile(name) {
      const file = files.verified(name);
      return readExactly(file, 0, file.size);
    },
    close: files.close,
  };
}

/**
 * Checks every byte of every file of a checkpoint, and returns its manifest.
 * @throws CheckpointError for the first file that is missing, truncated or damaged
 */
export function verifyCheckpoint(directory: string): Manifest {
  const manifest = readManifest(directory);
  const files = openCheckpointFiles(directory, manifest.files);
  try {
    for (const { name } of manifest.files) files.verified(name);
  } finally {
    files.close();
  }
  return manifest;
}
