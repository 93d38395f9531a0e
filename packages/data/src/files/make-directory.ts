/**
 * Creates a directory and its parents. Node's own recursive mkdir never returns below a directory that does not exist and
 * cannot be created, such as /proc/x or a working directory that was deleted.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileError } from "../errors.ts";

/** @throws DataError where the directory cannot be created */
export function makeDirectory(path: string): void {
  try {
    create(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

function create(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    create(parent);
    try {
      mkdirSync(path);
    } catch (again) {
      // Another process may have been faster.
      if ((again as NodeJS.ErrnoException).code !== "EEXIST") throw again;
    }
  }
}
