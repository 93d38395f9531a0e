/**
 * Creates and replaces directories atomically. A directory is written under a temporary name, fsynced, and renamed into
 * place; a crash at any point leaves what was there before. Leftovers of a crash are removed by the next commit or
 * deletion in the same parent directory; what another process is working on is left alone.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { userError, wrapFileSystemError } from "./errors.ts";
import { makeDirectories, syncDirectory, syncTree } from "./synced-directories.ts";
import { isInUse, isTemporaryName, releaseTemporary, temporaryBeside } from "./temporary-names.ts";

// Does not show up in listings. It is complete, and used in place of the directory it was renamed from while that is missing.
const replaced = ".old-megatron-";

/** Renames first, so that a crash halfway leaves nothing that looks complete. */
function remove(path: string): void {
  const doomed = temporaryBeside(path);
  try {
    renameSync(path, doomed);
    rmSync(doomed, { recursive: true, force: true });
  } finally {
    releaseTemporary(doomed);
  }
}

/** Completes or undoes the commits and deletions that a crash interrupted in `parent`. Leaves other processes' work alone. */
function clearLeftovers(parent: string): void {
  const names = readdirSync(parent);
  const active = names.filter((name) => isTemporaryName(name) && isInUse(join(parent, name)));
  for (const name of names) {
    const path = join(parent, name);
    if (isTemporaryName(name) && !active.includes(name)) rmSync(path, { recursive: true, force: true });
    if (!name.startsWith(replaced)) continue;
    const original = name.slice(replaced.length);
    if (active.some((other) => other.endsWith(`-${original}`))) continue;
    const place = join(parent, original);
    if (existsSync(place)) remove(path);
    else renameSync(path, place);
  }
}

/**
 * Creates the directory `target` atomically. `write` fills the empty directory whose path it gets; if it throws,
 * nothing changes.
 * @param options.replace replaces an existing target instead of rejecting it
 * @throws CheckpointError if the target exists or the file system fails; `userError` is false for a full or failing
 * disk
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
    if (exists && !replace) throw userError(`${target} already exists; choose another directory, or remove it first`);
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
      // The next commit removes it. Report the original error.
    }
    throw wrapFileSystemError(error, {
      action: `cannot save ${target}`,
      note: "; earlier checkpoints are untouched",
    });
  } finally {
    releaseTemporary(workplace);
  }
}

/**
 * Deletes a directory. It disappears from listings at once, even if a crash interrupts the deletion.
 * @throws CheckpointError if the file system fails
 */
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

/** A directory found by {@link listDirectories}. `name` is the name it was committed under. */
export interface CommittedDirectory {
  name: string;
  path: string;
}

/**
 * Lists the complete directories in `parent`, including those whose replacement was interrupted; none if it does not
 * exist.
 */
export function listDirectories(parent: string): CommittedDirectory[] {
  if (!existsSync(parent)) return [];
  try {
    const names = readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !isTemporaryName(entry.name))
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
