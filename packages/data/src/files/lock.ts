/**
 * One writer at a time: a file that names the process which writes a place. What a killed process left behind counts for
 * nothing. It keeps apart the processes of one machine; what those of other machines left is taken over.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { fileError, writingTo } from "../errors.ts";

interface Holder {
  host: string;
  process: number;
  /** When the process began, where the system tells: numbers of processes are used again. */
  began: string | null;
}

/**
 * Takes the lock; directories that are missing are made.
 * @param path of the lock file
 * @param refuse the error for a lock that a living process holds
 * @returns gives the lock back
 */
export function takeLock(path: string, refuse: (process: number) => Error): () => void {
  writingTo(dirname(path), () => makeDirectory(dirname(path)));
  const mine: Holder = { host: hostname(), process: process.pid, began: beginningOf(process.pid) };
  if (!create(path, mine)) {
    const holder = read(path);
    if (holder && lives(holder)) throw refuse(holder.process);
    rmSync(path, { force: true });
    if (!create(path, mine)) throw refuse(read(path)?.process ?? 0);
  }
  return () => rmSync(path, { force: true });
}

/** False where the file is there already. */
function create(path: string, holder: Holder): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, path);
  }
  try {
    writingTo(path, () => writeSync(file, JSON.stringify(holder)));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/** Undefined where nobody is named: its writer was killed over it. */
function read(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function lives({ host, process: number, began }: Holder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(number, 0);
  } catch (error) {
    // Any other refusal is of a process that is there.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return beginningOf(number) === began;
}

/** In the system's own unit, from Linux's /proc/<pid>/stat; null on other systems, and for a process that has ended. */
function beginningOf(number: number): string | null {
  try {
    // The name of the program, in parentheses, may hold anything.
    const fields = readFileSync(`/proc/${number}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    const [state, began] = [fields[0], fields[19]];
    return state === "Z" ? null : began!;
  } catch {
    return null;
  }
}
