/**
 * Directories that appear whole or not at all. A directory is written beside its place, everything in it is fsynced,
 * and one rename puts it there; a crash at any point leaves what was there before. What crashes left behind is removed
 * by the next commit or deletion beside it. One process at a time writes into a parent directory.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { userError, wrapFileSystemError } from "./errors.ts";

// Both are invisible to whoever lists checkpoints. What is named `temporary` may be removed by anyone at any time; what
// is named `replaced` is whole, and stands in for its name while that is missing.
const temporary = ".tmp-megatron-";
const replaced = ".old-megatron-";

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

/** Makes the names in a directory durable. Windows does it by itself, and cannot open directories. */
function syncDirectory(path: string): void {
  if (!isWindows) sync(path, "r");
}

function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncFile(path);
  }
  syncDirectory(directory);
}

/** `mkdir -p` that survives a power cut. */
function makeDirectories(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
}

const temporaryBeside = (path: string): string =>
  join(dirname(path), `${temporary}${basename(path)}-${randomBytes(6).toString("hex")}`);

/** Renames first, so that a crash half-way leaves nothing that looks whole. */
function remove(path: string): void {
  const doomed = temporaryBeside(path);
  renameSync(path, doomed);
  rmSync(doomed, { recursive: true, force: true });
}

/** Finishes or undoes what crashed commits and deletions left in `parent`. */
function clearLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (name.startsWith(temporary)) rmSync(path, { recursive: true, force: true });
    if (!name.startsWith(replaced)) continue;
    const place = join(parent, name.slice(replaced.length));
    if (existsSync(place)) remove(path);
    else renameSync(path, place);
  }
}

/**
 * Creates the directory `target` with what `write` puts into the empty directory that it is given. An existing target
 * is refused, or exchanged as a whole where `replace` is true. When `write` throws, nothing has changed. Throws a
 * CheckpointError when the file system refuses; `userError` is false for a full or failing disk.
 */
export async function commitDirectory(
  target: string,
  write: (directory: string) => void | Promise<void>,
  options: { replace?: boolean } = {},
): Promise<void> {
  const { replace = false } = options;
  const place = resolve(target);
  const parent = dirname(place);
  const workplace = temporaryBeside(place);
  const old = join(parent, replaced + basename(place));
  try {
    makeDirectories(parent);
    clearLeftovers(parent);
    const exists = existsSync(place);
    if (exists && !replace) throw userError(`${target} exists already; choose another directory, or remove it first`);
    mkdirSync(workplace);
    await write(workplace);
    syncTree(workplace);
    if (exists) renameSync(place, old);
    renameSync(workplace, place);
    syncDirectory(parent);
    if (exists) remove(old);
  } catch (error) {
    try {
      rmSync(workplace, { recursive: true, force: true });
    } catch {
      // The next commit removes it; the error that led here is the one to tell.
    }
    throw wrapFileSystemError(error, {
      action: `cannot save ${target}`,
      note: "; what was saved before is untouched",
    });
  }
}

/** Removes a directory at once for whoever lists its parent, whatever happens on the way. */
export function deleteDirectory(target: string): void {
  const parent = dirname(resolve(target));
  const name = basename(target);
  try {
    clearLeftovers(parent);
    remove(join(parent, name.startsWith(replaced) ? name.slice(replaced.length) : name));
    syncDirectory(parent);
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot delete ${target}` });
  }
}

/** A directory as `listDirectories` sees it: `name` is the one it was committed under. */
export interface CommittedDirectory {
  name: string;
  path: string;
}

/** The whole directories in `parent`, none where it does not exist; one whose exchange a crash cut short is found too. */
export function listDirectories(parent: string): CommittedDirectory[] {
  if (!existsSync(parent)) return [];
  try {
    const names = readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith(temporary))
      .map((entry) => entry.name);
    const placed = new Set(names);
    return names
      .map((name) => ({ name: name.startsWith(replaced) ? name.slice(replaced.length) : name, file: name }))
      .filter(({ name, file }) => name === file || !placed.has(name))
      .map(({ name, file }) => ({ name, path: join(parent, file) }));
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${parent}` });
  }
}
