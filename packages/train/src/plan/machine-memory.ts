/** The memory that this process may use: the machine's with its swap space, or the limit of the container. */
import { existsSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";

/** Where Linux says it; for tests. */
const linux = { meminfo: "/proc/meminfo", swapLimit: "/sys/fs/cgroup/memory.swap.max" };

/** In bytes. The native backend refuses to take more. */
export function machineMemory({
  total = totalmem(),
  limit = constrainedMemory?.(),
  files = linux,
}: {
  total?: number;
  limit?: number;
  files?: typeof linux;
} = {}): number {
  const swap = 1024 * Number(/^SwapTotal:\s*(\d+) kB/m.exec(read(files.meminfo))?.[1] ?? 0);
  const all = total + swap;
  // Without a limit, the constrained memory is 0, undefined or larger than any machine's.
  if (!limit || limit >= total) return all;
  const allowed = /^\d+$/.exec(read(files.swapLimit).trim());
  return Math.min(all, limit + (allowed ? Math.min(Number(allowed[0]), swap) : swap));
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
