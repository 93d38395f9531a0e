/**
 * One writer at a time: a file that names the process which writes a place. It appears under its name with its content, and
 * the lock of a process that was killed has one heir, however many try at once. Whether a process on another host or in
 * another container still runs cannot be seen, so its lock holds until the caller says otherwise.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { fileError, writingTo } from "../errors.ts";
import { type LockHolder, stateOf, thisProcess } from "./lock-holder.ts";

/** How to take a lock. */
interface LockOptions {
  /**
   * The error for a lock that is held, from the holder in words: "process 12", or "process 12 on host b, which cannot be
   * seen from here; use --break-lock if it has ended".
   */
  refuse: (holder: string) => Error;
  /** Take over the lock of a process on another host or in another container. */
  breakLock?: boolean;
}

/**
 * Takes the lock, creating missing directories.
 * @param path of the lock file
 * @returns a function that releases it
 */
export function takeLock(path: string, options: LockOptions): () => void {
  writingTo(dirname(path), () => makeDirectory(dirname(path)));
  const holder = thisProcess();
  const mine = JSON.stringify(holder);
  const draft = `${path}.${holder.id}`;
  try {
    writingTo(path, () => create(draft, mine));
    while (!claim(path, draft)) {
      const found = read(path);
      if (found === undefined) continue; // Released in between.
      refuseHeld(path, found, options);
      if (inherit(path, { found, draft, options })) break;
    }
  } finally {
    rmSync(draft, { force: true });
  }
  removeLeftovers(path);
  return () => {
    if (read(path) === mine) rmSync(path, { force: true });
  };
}

/** Gives the draft a second name. False where that name is taken: only one process can have it. */
function claim(path: string, draft: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A network file system may report a link as failed that it has made.
    if (code === "EEXIST") return statSync(draft).nlink > 1;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code ?? "")) throw fileError(error, path);
  }
  // Without hard links the lock is empty for a moment, see `HALF_WRITTEN_MILLISECONDS`.
  return writingTo(path, () => create(path, readFileSync(draft, "utf8")));
}

/** False where the file exists. */
function create(path: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, content);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/** Throws what `refuse` makes of the holder, unless it is dead, or foreign and to be overruled. */
function refuseHeld(path: string, content: string, { refuse, breakLock = false }: LockOptions): void {
  const holder = parse(content);
  if (!holder) {
    if (ageOf(path) < HALF_WRITTEN_MILLISECONDS) throw refuse("another process");
    return;
  }
  const name = `process ${holder.process}`;
  const state = stateOf(holder);
  if (state === "alive") throw refuse(name);
  if (state === "foreign" && !breakLock) {
    throw refuse(`${name} on host ${holder.host}, which cannot be seen from here; use --break-lock if it has ended`);
  }
}

/** How long a lock without content may be one that is being written. */
const HALF_WRITTEN_MILLISECONDS = 2000;

/**
 * Puts `draft` in the place of a lock with the content `found`, which nobody holds any more. The heir is the process that
 * claims this content, by a file named after it; if that process was killed too, the one that claims what its claim says.
 * @returns false where the lock is no longer the one that was found
 */
function inherit(
  path: string,
  { found, draft, options }: { found: string; draft: string; options: LockOptions },
): boolean {
  const claims = [claimOf(path, found)];
  while (!claim(claims.at(-1)!, draft)) {
    const other = read(claims.at(-1)!);
    if (other === undefined) return false;
    refuseHeld(claims.at(-1)!, other, options);
    claims.push(claimOf(path, other));
  }
  // A claim goes after the lock is replaced, so a late claim finds another lock than the one it is for.
  const isHeir = read(path) === found;
  if (isHeir) writingTo(path, () => renameSync(draft, path));
  for (const file of isHeir ? claims : claims.slice(-1)) rmSync(file, { force: true });
  return isHeir;
}

const claimOf = (path: string, content: string) =>
  `${path}.${createHash("sha256").update(content).digest("hex").slice(0, 32)}`;

/** Removes the drafts and claims of processes that were killed while they took this lock. */
function removeLeftovers(path: string): void {
  const prefix = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const file = join(dirname(path), name);
    const holder = parse(read(file) ?? "");
    if (holder?.id && stateOf(holder) === "dead") rmSync(file, { force: true });
  }
}

/** Undefined where there is no such file. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
}

/** Undefined where nobody is named. */
function parse(content: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(content) as LockHolder | null;
    return Number.isInteger(holder?.process) ? holder! : undefined;
  } catch {
    return undefined;
  }
}

/** In milliseconds; endless where the file is gone. */
function ageOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  return status ? Date.now() - status.mtimeMs : Number.POSITIVE_INFINITY;
}
