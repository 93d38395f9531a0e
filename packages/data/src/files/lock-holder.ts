/**
 * Who holds a lock: a process, its machine, and what tells it from later processes with the same number. Says whether it
 * still runs, as far as this process can see.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process as a lock names it. Locks of earlier versions have only `host`, `process` and `began`; null is unknown. */
export interface LockHolder {
  host: string;
  process: number;
  /** When the process began, in the system's own unit. */
  began: string | null;
  /** The installation of the system. */
  machine?: string | null;
  /** The start of the system. */
  boot?: string | null;
  /** The namespace of process ids: containers of one machine do not see each other's processes. */
  namespace?: string | null;
  /** Tells locks of one process apart. */
  id?: string;
}

/** This process as the holder of a new lock. */
export function thisProcess(): LockHolder {
  return {
    host: hostname(),
    process: process.pid,
    began: beginningOf(process.pid),
    ...surroundings(),
    id: randomUUID(),
  };
}

/** What Linux tells about where this process runs; null on other systems. */
function surroundings() {
  return {
    machine: textOf("/etc/machine-id"),
    boot: textOf("/proc/sys/kernel/random/boot_id"),
    namespace: attempt(() => readlinkSync("/proc/self/ns/pid")),
  };
}

/** `foreign` is a process that cannot be seen from here: on another host, or in another container. */
export function stateOf(holder: LockHolder): "alive" | "dead" | "foreign" {
  const here = surroundings();
  const differs = (key: keyof typeof here) => Boolean(holder[key] && here[key] && holder[key] !== here[key]);
  if (holder.host !== hostname() || differs("machine")) return "foreign";
  if (differs("boot")) return "dead";
  if (differs("namespace")) return "foreign";
  try {
    process.kill(holder.process, 0);
  } catch (error) {
    // Other errors, such as EPERM, are about a process that exists.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  return beginningOf(holder.process) === holder.began ? "alive" : "dead";
}

/** From Linux's /proc/<pid>/stat; null on other systems, and for a process that has ended. */
function beginningOf(number: number): string | null {
  // The name of the program, in parentheses, may hold anything.
  const [state, ...fields] = textOf(`/proc/${number}/stat`)?.split(") ").at(-1)?.split(" ") ?? [];
  return state === "Z" ? null : (fields[18] ?? null);
}

const textOf = (path: string) => attempt(() => readFileSync(path, "utf8").trim() || null);

/** Null for what this system does not have. */
function attempt(read: () => string | null): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
