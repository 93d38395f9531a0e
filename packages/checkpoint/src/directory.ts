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

/** Whether an existing target is replaced. Default: it is an error. */
interface Replacement {
  replace?: boolean;
}

/** What is thrown where saving fails. Errors other than the file system's stay as they are. */
export const saveError = (error: unknown, target: string): unknown =>
  wrapFileSystemError(error, { action: `cannot save ${target}`, note: "; earlier checkpoints are untouched" });

function checkPlace(target: string, { replace = false }: Replacement): boolean {
  const exists = existsSync(target);
  if (exists && !replace) throw userError(`${target} already exists; choose another directory, or remove it first`);
  return exists;
}

/**
 * Makes an empty directory beside `target`, of which `commitWorkplace` makes the target. Returns its absolute path.
 * @throws CheckpointError if the target exists or the file system fails
 */
export function openWorkplace(target: string, options: Replacement = {}): string {
  const place = resolve(target);
  const workplace = temporaryBeside(place);
  try {
    makeDirectories(dirname(place));
    clearLeftovers(dirname(place));
    checkPlace(target, options);
    mkdirSync(workplace);
    return workplace;
  } catch (error) {
    releaseTemporary(workplace);
    throw saveError(error, target);
  }
}

/**
 * Gives a directory, which `openWorkplace` made in this thread or another, its name, once all that it contains is on disk.
 * @throws CheckpointError if the target exists or the file system fails
 */
export function commitWorkplace(workplace: string, target: string, options: Replacement = {}): void {
  const place = resolve(target);
  const old = join(dirname(place), replaced + basename(place));
  try {
    const exists = checkPlace(target, options);
    syncTree(workplace);
    if (exists) renameSync(place, old);
    renameSync(workplace, place);
    syncDirectory(dirname(place));
    if (exists) remove(old);
  } catch (error) {
    throw saveError(error, target);
  }
  releaseTemporary(workplace);
}

/** Removes a directory that `openWorkplace` made. If that fails, the next commit removes it. */
export function discardWorkplace(workplace: string): void {
  try {
    rmSync(workplace, { recursive: true, force: true });
  } catch {
    // Whoever discards it has another error to report.
  }
  releaseTemporary(workplace);
}

/** Says that nothing of this process works in a directory that `openWorkplace` made, so that the next commit removes what is left of it. */
export const releaseWorkplace = releaseTemporary;

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
  options: Replacement = {},
): Promise<void> {
  const workplace = openWorkplace(target, options);
  try {
    await write(workplace);
    commitWorkplace(workplace, target, options);
  } catch (error) {
    discardWorkplace(workplace);
    throw saveError(error, target);
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
