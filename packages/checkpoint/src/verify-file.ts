/** Is a file of a checkpoint what the manifest says it is? */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { userError, wrapFileSystemError } from "./errors.ts";
import type { ManifestFile } from "./manifest-schema.ts";

const advice = "restore it, or take an earlier checkpoint";

/** Checks that a file is there with its full length: what is cheap enough to ask of every file at once. */
export function checkFileSize(directory: string, file: ManifestFile): void {
  const path = join(directory, file.name);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw userError(`${path} is missing; ${advice}`);
  if (found.size < file.size) throw userError(`${path} is truncated: ${found.size} of ${file.size} bytes; ${advice}`);
  if (found.size > file.size) throw userError(`${path} is damaged: ${found.size} bytes, not ${file.size}; ${advice}`);
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

/** Checks every byte of a file. Throws a CheckpointError that says missing, truncated or damaged. */
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
