/**
 * Reads the tensors of one group of a checkpoint, assembled from their slices. Every byte of a file is checked against the
 * manifest when the first of its tensors is read.
 */
import { join } from "node:path";
import type { CheckpointFiles } from "./checkpoint-files.ts";
import { userError } from "./errors.ts";
import type { ManifestTensor } from "./manifest-schema.ts";
import { readSafetensors, type SafetensorsTensors } from "./safetensors.ts";
import { placeSlice } from "./slices.ts";
import { byteLengthOf, dtypeBytes, type TensorDescription } from "./tensor-entry.ts";

/** The tensors of a group, by name. */
export interface TensorReader {
  names: readonly string[];
  /** Element type and shape of the whole tensor. Throws a CheckpointError for an unknown name. */
  info(name: string): TensorDescription;
  /** A fresh copy of the tensor's bytes, aligned for any typed array. Only this tensor is held in memory. */
  read(name: string): Uint8Array;
}

/** Creates the reader of one group, which throws a CheckpointError when a tensor's file is damaged. */
export function createTensorReader(
  directory: string,
  { group, files }: { group: readonly ManifestTensor[]; files: CheckpointFiles },
): TensorReader {
  const tensors = new Map(group.map((tensor) => [tensor.name, tensor]));
  const headers = new Map<string, SafetensorsTensors>();

  function fileOf(name: string): SafetensorsTensors {
    const file = files.verified(name);
    const known = headers.get(name);
    if (known) return known;
    const read = readSafetensors(file);
    headers.set(name, read);
    return read;
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
  };
}
