/**
 * Opens a checkpoint. The manifest and every file's length are checked at once, a file's bytes when they are first
 * wanted: nothing that was not verified is ever handed out, and what nobody reads costs nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { userError } from "./errors.ts";
import { readManifest } from "./manifest.ts";
import type { Manifest } from "./manifest-schema.ts";
import { createTensorReader, type TensorReader } from "./tensor-reader.ts";
import { checkFileSize, verifyFile } from "./verify-file.ts";

export interface LoadedCheckpoint {
  directory: string;
  manifest: Manifest;
  weights: TensorReader;
  /** Absent where only weights were saved. */
  optimizer: TensorReader | undefined;
  /** The verified bytes of a further file (the tokenizer, the recipe). */
  readFile(name: string): Uint8Array;
  close(): void;
}

/** Throws a CheckpointError of one line: missing, truncated or damaged files, another format version. */
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
      if (!file) throw userError(`${directory} holds no file "${name}"`);
      verifyFile(directory, file);
      return readFileSync(join(directory, name));
    },
    close() {
      weights.close();
      optimizer?.close();
    },
  };
}

/** Checks every byte of every file of a checkpoint. */
export function verifyCheckpoint(directory: string): Manifest {
  const manifest = readManifest(directory);
  for (const file of manifest.files) verifyFile(directory, file);
  return manifest;
}
