/**
 * Reads the tensors of one group of a checkpoint, assembled from their slices. A file is opened, and every byte of it
 * checked against the manifest, when the first of its tensors is read.
 */
import { join } from "node:path";
import { userError } from "./errors.ts";
import type { Manifest, ManifestTensor } from "./manifest-schema.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors.ts";
import { placeSlice } from "./slices.ts";
import { byteLengthOf, dtypeBytes, type TensorDescription } from "./tensor-entry.ts";
import { verifyFile } from "./verify-file.ts";

/** The tensors of a group, by name. */
export interface TensorReader {
  names: readonly string[];
  /** Element type and shape of the whole tensor. Throws a CheckpointError for an unknown name. */
  info(name: string): TensorDescription;
  /** A fresh copy of the tensor's bytes, aligned for any typed array. Only this tensor is held in memory. */
  read(name: string): Uint8Array;
  close(): void;
}

/** Creates the reader of one group. Throws a CheckpointError when a tensor's file is damaged. */
export function createTensorReader(
  directory: string,
  { group, files }: { group: readonly ManifestTensor[]; files: Manifest["files"] },
): TensorReader {
  const tensors = new Map(group.map((tensor) => [tensor.name, tensor]));
  const open = new Map<string, SafetensorsFile>();

  function fileOf(name: string): SafetensorsFile {
    const known = open.get(name);
    if (known) return known;
    verifyFile(directory, files.find((file) => file.name === name)!);
    const opened = openSafetensors(join(directory, name));
    open.set(name, opened);
    return opened;
  }

  function find(name: string): ManifestTensor {
    const tensor = tensors.get(name);
    if (!tensor) throw userError(`${directory}: no tensor ${JSON.stringify(name)} among its ${tensors.size}`);
    return tensor;
  }

  function readSlice(tensor: ManifestTensor, slice: ManifestTensor["slices"][number]): Uint8Array {
    const file = fileOf(slice.file);
    const { dtype, shape } = file.info(tensor.name);
    if (dtype !== tensor.dtype || shape.join() !== slice.shape.join()) {
      const expected = `${tensor.dtype} [${slice.shape.join(", ")}]`;
      throw userError(
        `${join(directory, slice.file)}: tensor ${JSON.stringify(tensor.name)} is ${dtype} [${shape.join(", ")}], but the manifest says ${expected}`,
      );
    }
    return file.read(tensor.name);
  }

  return {
    names: [...tensors.keys()],
    info(name) {
      const { dtype, shape } = find(name);
      return { dtype, shape };
    },
    read(name) {
      const tensor = find(name);
      if (tensor.slices.length === 1) return readSlice(tensor, tensor.slices[0]!);
      const whole = new Uint8Array(byteLengthOf(tensor));
      const elementBytes = dtypeBytes[tensor.dtype];
      for (const slice of tensor.slices) {
        placeSlice(whole, readSlice(tensor, slice), { shape: tensor.shape, slice, elementBytes });
      }
      return whole;
    },
    close() {
      for (const file of open.values()) file.close();
      open.clear();
    },
  };
}
