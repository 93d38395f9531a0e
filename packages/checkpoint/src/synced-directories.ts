/** Directories that survive a power cut: with fsync, files and the names that lead to them are on disk. */
import { closeSync, fsyncSync, openSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";

const isWindows = process.platform === "win32";

function sync(path: string, flags: string): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const syncFile = (path: string): void => sync(path, isWindows ? "r+" : "r");

/** Makes the names in a directory durable. Windows does so by itself, and cannot open directories. */
export function syncDirectory(path: string): void {
  if (!isWindows) sync(path, "r");
}

/** Makes a directory durable, with all that it contains. */
export function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncFile(path);
  }
  syncDirectory(directory);
}

/** `mkdir -p` that survives a power cut. */
export function makeDirectories(path: string): void {
  for (const made of makeDirectory(path)) syncDirectory(dirname(made));
}
