/**
 * Reads and writes safetensors files, one tensor in memory at a time (https://github.com/huggingface/safetensors).
 * Writes the same bytes as the Python package does for the same tensors.
 */
import { closeSync } from "node:fs";
import { userError } from "./errors.ts";
import { type FileDigest, type WriteBytes, writeFileOnce } from "./file-writer.ts";
import { readExactly, type SizedFile } from "./read-exactly.ts";
import { openRegularFile } from "./regular-file.ts";
import { decodeHeader, encodeHeader, largestHeader } from "./safetensors-header.ts";
import { byteLengthOf, type TensorDescription, type TensorEntry } from "./tensor-entry.ts";

/**
 * Writes a safetensors file and fsyncs it. On failure no part of the file is left.
 * @throws CheckpointError if the file system fails
 */
export function writeSafetensors(
  path: string,
  entries: Iterable<TensorEntry>,
  options: { metadata?: Record<string, string>; write?: WriteBytes } = {},
): FileDigest {
  const { metadata = {}, write } = options;
  const { bytes: header, order } = encodeHeader([...entries], metadata);
  function produce(emit: (bytes: Uint8Array) => void): void {
    emit(header);
    for (const entry of order) {
      const bytes = entry.bytes();
      if (bytes.length !== byteLengthOf(entry)) {
        const expected = `${byteLengthOf(entry)} bytes for ${entry.dtype} [${entry.shape.join(", ")}]`;
        throw new Error(`tensor ${JSON.stringify(entry.name)} gave ${bytes.length} bytes, expected ${expected}`);
      }
      emit(bytes);
    }
  }
  return writeFileOnce(path, produce, { write });
}

/** The tensors of a safetensors file. Only the header is in memory. */
export interface SafetensorsTensors {
  /** Names of the tensors, in file order. */
  names: readonly string[];
  /** The strings of `__metadata__`. */
  metadata: Readonly<Record<string, string>>;
  /** Element type and shape. Throws a CheckpointError for an unknown name. */
  info(name: string): TensorDescription;
  /** A fresh copy of the tensor's bytes, aligned for any typed array. */
  read(name: string): Uint8Array;
}

/** An open safetensors file. */
export interface SafetensorsFile extends SafetensorsTensors {
  close(): void;
}

function readHeader(file: SizedFile) {
  const { path, size } = file;
  if (size < 8) throw userError(`${path}: truncated, or not a safetensors file: ${size} bytes`);
  const prefix = readExactly(file, 0, 8);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > largestHeader) {
    throw userError(`${path}: its header claims ${length} bytes, more than ${largestHeader}: not a safetensors file?`);
  }
  if (length > size - 8)
    throw userError(`${path}: truncated: its header takes ${length} bytes, only ${size - 8} are left`);
  const header = decodeHeader(readExactly(file, 8, length), { file: path, dataLength: size - 8 - length });
  return { ...header, dataStart: 8 + length };
}

/**
 * Reads the header of an open safetensors file, and checks all of it.
 * @throws CheckpointError that names the file and the tensor
 */
export function readSafetensors(file: SizedFile): SafetensorsTensors {
  const { metadata, tensors, dataStart } = readHeader(file);
  function find(name: string) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw userError(`${file.path}: no tensor ${JSON.stringify(name)} among its ${tensors.size}`);
  }
  return {
    names: [...tensors.keys()],
    metadata,
    info(name) {
      const { dtype, shape } = find(name);
      return { dtype, shape };
    },
    read(name) {
      const { begin, end } = find(name);
      return readExactly(file, dataStart + begin, end - begin);
    },
  };
}

/**
 * Opens a safetensors file and checks its whole header.
 * @throws CheckpointError that names the file and the tensor
 */
export function openSafetensors(path: string): SafetensorsFile {
  const { descriptor, size } = openRegularFile(path);
  const close = (): void => closeSync(descriptor);
  try {
    return { ...readSafetensors({ descriptor, size, path }), close };
  } catch (error) {
    close();
    throw error;
  }
}
