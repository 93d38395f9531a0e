/** Shares the cores of a machine among the ranks on it. */
import { availableParallelism, cpus } from "node:os";
import type { Terminal } from "../terminal/terminal.ts";

/** Threads for each of `ranks` on `cores`, an equal share. */
export const shareOf = (cores: number, ranks: number): number => Math.max(1, Math.floor(cores / ranks));

/** Threads for a process that may be bound to some cores already, as launchers do. */
export function ownShare(ranksHere: number): number {
  const [own, all] = [availableParallelism(), cpus().length];
  return own < all ? own : shareOf(all, ranksHere);
}

/** Warns of ranks that would take turns. */
export function warnOfTooManyRanks(terminal: Terminal, { ranks, cores }: { ranks: number; cores: number }): void {
  if (ranks > cores) terminal.log(`warning: ${ranks} ranks share ${cores} cores of this machine: they take turns`);
}
