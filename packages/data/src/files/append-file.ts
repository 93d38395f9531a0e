/** Appends to a file through a buffer. Can resume at a known length after an interruption. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { DataError, writingTo } from "../errors.ts";

const BUFFER_BYTES = 1 << 20;

/** An open file to append to. */
export interface AppendFile {
  /** Bytes in the file and the buffer together. */
  readonly length: number;
  append(bytes: Uint8Array): void;
  /** Flushes the buffer, and waits until it is on disk. */
  sync(): void;
  /** Flushes the buffer and closes the file. */
  close(): void;
  /** Closes the file without flushing. */
  abandon(): void;
}

/**
 * Creates `path`, or with `resumeAt` opens it and truncates it to that many bytes.
 * @throws DataError for a file that is shorter than `resumeAt`, StorageError for a full or failing disk
 */
export function appendTo(path: string, resumeAt = 0): AppendFile {
  const descriptor = writingTo(path, () => openSync(path, resumeAt > 0 ? "r+" : "w"));
  const existing = fstatSync(descriptor).size;
  if (existing < resumeAt) {
    closeSync(descriptor);
    throw new DataError(`has ${existing} bytes, expected at least ${resumeAt}`, { source: path });
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

/** The bytes of a typed array, without a copy. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
