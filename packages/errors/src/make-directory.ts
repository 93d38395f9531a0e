/**
 * Creates a directory and its parents. Node's own recursive mkdir never returns below a directory that does not exist and
 * cannot be created, such as /proc/x or a working directory that was deleted.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates a directory, and its parents where they are missing.
 * @returns the directories that it created, the outermost first
 * @throws the system's error where one cannot be created, or something else has its name
 */
export function makeDirectory(path: string): string[] {
  try {
    mkdirSync(path);
    return [path];
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) return existing(path, error);
    const created = makeDirectory(parent);
    try {
      mkdirSync(path);
    } catch (again) {
      // Another process may have been faster.
      return [...created, ...existing(path, again)];
    }
    return [...created, path];
  }
}

/** Nothing was created, which is fine if the directory already exists. */
function existing(path: string, error: unknown): [] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  throw error;
}
