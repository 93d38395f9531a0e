/** Checks a file of a checkpoint against the manifest. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { userError, wrapFileSystemError } from "./errors.ts";
import type { ManifestFile } from "./manifest-schema.ts";

const advice = "restore it, or use an earlier checkpoint";

/**
 * Checks that a file exists and has the right size, which is cheap enough to do for every file at once.
 * @throws CheckpointError if it is missing, truncated or too long
 */
export function checkFileSize(directory: string, file: ManifestFile): void {
  const path = join(directory, file.name);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw userError(`${path} is missing; ${advice}`);
  if (found.size < file.size) throw userError(`${path} is truncated: ${found.size} of ${file.size} bytes; ${advice}`);
  if (found.size > file.size)
    throw userError(`${path} is damaged: ${found.size} bytes instead of ${file.size}; ${advice}`);
}

function sha256OfFile(path: string): string {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(2 ** 20);
  const descriptor = openSync(path, "r");
  try {
    for (let count = readSync(descriptor, chunk); count > 0; count = readSync(descriptor, chunk)) {
      hash.update(chunk.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest("hex");
}

/**
 * Checks every byte of a file.
 * @throws CheckpointError if it is missing, truncated or damaged
 */
export function verifyFile(directory: string, file: ManifestFile): void {
  const path = join(directory, file.name);
  let sha256: string;
  try {
    checkFileSize(directory, file);
    sha256 = sha256OfFile(path);
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  }
  if (sha256 !== file.sha256) throw userError(`${path} is damaged: its bytes are not what was saved; ${advice}`);
}
