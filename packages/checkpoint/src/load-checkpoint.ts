/**
 * Opens a checkpoint. The manifest and the size of every file are checked immediately, the bytes of a file when it is
 * first read: nothing unverified is ever returned, and files that are not read cost nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { userError } from "./errors.ts";
import { readManifest } from "./manifest.ts";
import type { Manifest } from "./manifest-schema.ts";
import { createTensorReader, type TensorReader } from "./tensor-reader.ts";
import { checkFileSize, verifyFile } from "./verify-file.ts";

/** An open checkpoint. */
export interface LoadedCheckpoint {
  directory: string;
  manifest: Manifest;
  weights: TensorReader;
  /** Undefined if only weights were saved. */
  optimizer: TensorReader | undefined;
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
  const { files, groups } = manifest;
  for (const file of files) checkFileSize(directory, file);
  const readerOf = (group: Manifest["groups"]["weights"]): TensorReader =>
    createTensorReader(directory, { group: group.tensors, files });
  const weights = readerOf(groups.weights);
  const optimizer = groups.optimizer && readerOf(groups.optimizer);
  return {
    directory,
    manifest,
    weights,
    optimizer,
    readFile(name) {
      const file = files.find((listed) => listed.name === name);
      if (!file) throw userError(`${directory} contains no file "${name}"`);
      verifyFile(directory, file);
      return readFileSync(join(directory, name));
    },
    close() {
      weights.close();
      optimizer?.close();
    },
  };
}

/**
 * Checks every byte of every file of a checkpoint, and returns its manifest.
 * @throws CheckpointError for the first file that is missing, truncated or damaged
 */
export function verifyCheckpoint(directory: string): Manifest {
  const manifest = readManifest(directory);
  for (const file of manifest.files) verifyFile(directory, file);
  return manifest;
}
