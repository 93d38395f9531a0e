/**
 * Names of directories that are being written or deleted. They say which process works on them, so that the leftovers of a
 * crash can be told from another process's work in progress.
 */
import { createHash, randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";

const PREFIX = ".tmp-megatron-";
const ONE_DAY = 24 * 60 * 60 * 1000;

/** Names in use by this process. */
const own = new Set<string>();
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/** Whether a name is one of these. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** A new name in the directory of `path`. It counts as in use until it is released. */
export function temporaryBeside(path: string): string {
  const name = `${PREFIX}${process.pid}.${host}.${randomBytes(6).toString("hex")}-${basename(path)}`;
  own.add(name);
  return join(dirname(path), name);
}

/** Says that this process is done with a name. */
export function releaseTemporary(path: string): void {
  own.delete(basename(path));
}

/** Whether a process may still be working on a temporary directory. Where that cannot be known, for a day. */
export function isInUse(path: string): boolean {
  const name = basename(path);
  const [, pid, itsHost] = /^\.tmp-megatron-(\d+)\.([0-9a-f]{8})\./.exec(name) ?? [];
  if (pid === undefined) return false;
  if (itsHost === host) return Number(pid) === process.pid ? own.has(name) : isAlive(Number(pid));
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs < ONE_DAY;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
