/**
 * The files of a checkpoint. All are opened at once, so that a reader keeps what it has opened although a run deletes the
 * checkpoint; every byte of a file is checked when it is first used.
 */
import { closeSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError, userError } from "./errors.ts";
import type { ManifestFile } from "./manifest-schema.ts";
import type { SizedFile } from "./read-exactly.ts";
import { openRegularFile } from "./regular-file.ts";
import { DAMAGE_ADVICE, verifyFile } from "./verify-file.ts";

/** Open files, by the names that the manifest lists. */
export interface CheckpointFiles {
  /**
   * A file whose every byte was checked.
   * @throws CheckpointError if it is damaged, or the checkpoint has none of this name
   */
  verified(name: string): SizedFile;
  close(): void;
}

/**
 * Opens all files of a checkpoint. The caller closes them.
 * @throws CheckpointError if one is missing, truncated or too long
 */
export function openCheckpointFiles(directory: string, listed: readonly ManifestFile[]): CheckpointFiles {
  const open = new Map<string, SizedFile>();
  const entries = new Map(listed.map((file) => [file.name, file]));
  const verified = new Set<string>();
  const close = () => {
    for (const { descriptor } of open.values()) closeSync(descriptor);
    open.clear();
  };
  try {
    for (const file of listed) open.set(file.name, openOfSize(join(directory, file.name), file));
  } catch (error) {
    close();
    throw error;
  }
  return {
    verified(name) {
      const file = entries.get(name);
      if (!file) throw userError(`${directory} contains no file "${name}"`);
      const found = open.get(name);
      if (!found) throw new Error(`${directory} was closed`);
      if (!verified.has(name)) verifyFile(found, file);
      verified.add(name);
      return found;
    },
    close,
  };
}

/** Opens a file that should have the size that the manifest says. */
function openOfSize(path: string, file: ManifestFile): SizedFile {
  const { descriptor, size } = openPresent(path);
  if (size === file.size) return { descriptor, size, path };
  closeSync(descriptor);
  const fault =
    size < file.size ? `truncated: ${size} of ${file.size} bytes` : `damaged: ${size} bytes instead of ${file.size}`;
  throw userError(`${path} is ${fault}; ${DAMAGE_ADVICE}`);
}

function openPresent(path: string): { descriptor: number; size: number } {
  try {
    return openRegularFile(path);
  } catch (error) {
    const { code } = ((error instanceof CheckpointError && error.cause) || {}) as NodeJS.ErrnoException;
    if (code === "ENOENT") throw userError(`${path} is missing; ${DAMAGE_ADVICE}`);
    throw error;
  }
}
