/** Checks the bytes of an open file of a checkpoint against the manifest. */
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { userError, wrapFileSystemError } from "./errors.ts";
import type { ManifestFile } from "./manifest-schema.ts";
import type { OpenFile } from "./read-exactly.ts";

/** What to do about a damaged file, for messages. */
export const DAMAGE_ADVICE = "restore it, or use an earlier checkpoint";

function sha256Of(descriptor: number): string {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(2 ** 20);
  let position = 0;
  const read = () => readSync(descriptor, chunk, 0, chunk.length, position);
  for (let count = read(); count > 0; count = read()) {
    hash.update(chunk.subarray(0, count));
    position += count;
  }
  return hash.digest("hex");
}

/**
 * Checks every byte of a file.
 * @throws CheckpointError if it is damaged, or cannot be read
 */
export function verifyFile({ descriptor, path }: OpenFile, file: ManifestFile): void {
  let sha256: string;
  try {
    sha256 = sha256Of(descriptor);
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  }
  if (sha256 !== file.sha256) throw userError(`${path} is damaged: its bytes are not what was saved; ${DAMAGE_ADVICE}`);
}
