/** A file that grows at its end through a buffer, and can go on after an interruption from a known length. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { DataError, writingTo } from "../errors.ts";

const BUFFER_BYTES = 1 << 20;

export interface AppendFile {
  /** Bytes in the file and the buffer together. */
  readonly length: number;
  append(bytes: Uint8Array): void;
  /** Writes the buffer out and waits until it is on the disk. */
  sync(): void;
  /** Writes the buffer out and closes. */
  close(): void;
  /** Closes; what was not synced may be lost. */
  abandon(): void;
}

/**
 * Creates `path`, or with `resumeAt` opens it and cuts it to that many bytes. Throws a DataError where it is shorter than
 * that, a StorageError where the disk is full.
 */
export function appendTo(path: string, resumeAt = 0): AppendFile {
  const descriptor = writingTo(path, () => openSync(path, resumeAt > 0 ? "r+" : "w"));
  const existing = fstatSync(descriptor).size;
  if (existing < resumeAt) {
    closeSync(descriptor);
    throw new DataError(`has ${existing} bytes, but ${resumeAt} were recorded`, { source: path });
  }
  ftruncateSync(descriptor, resumeAt);
  const buffer = new Uint8Array(BUFFER_BYTES);
  let buffered = 0;
  let written = resumeAt;
  const writeOut = (bytes: Uint8Array) =>
    writingTo(path, () => {
      for (let done = 0; done < bytes.length; ) {
        const count = writeSync(descriptor, bytes, done, bytes.length - done, written);
        done += count;
        written += count;
      }
    });
  const flush = () => {
    writeOut(buffer.subarray(0, buffered));
    buffered = 0;
  };
  return {
    get length() {
      return written + buffered;
    },
    append(bytes) {
      if (buffered + bytes.length > BUFFER_BYTES) flush();
      if (bytes.length > BUFFER_BYTES) return writeOut(bytes);
      buffer.set(bytes, buffered);
      buffered += bytes.length;
    },
    sync() {
      flush();
      writingTo(path, () => fsyncSync(descriptor));
    },
    close() {
      flush();
      closeSync(descriptor);
    },
    abandon: () => closeSync(descriptor),
  };
}

/** The bytes of a typed array, not copied. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
