/** Replaces a file atomically. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { writingTo } from "../errors.ts";

/** Writes a file such that a crash leaves either the old or the new content. Throws a DataError or StorageError. */
export function replaceFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  writingTo(temporary, () => {
    const descriptor = openSync(temporary, "w");
    try {
      writeSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
  renameSync(temporary, path);
}
