/** The engine of a rank that is a process of its own: it shares its machine with other ranks there. */
import { cpus } from "node:os";
import type { Transport } from "@megatron-ts/parallel";
import { startEngine } from "../start-engine.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { ownShare, warnOfTooManyRanks } from "./cores.ts";

/** The number of ranks on this machine; without a transport there is one. */
export const ranksOnThisHost = (transport: Transport | null): number =>
  transport?.hosts.filter((host) => host === transport.hosts[transport.rank]).length ?? 1;

/** Starts it. Under a launcher, each process takes an equal share of its machine's cores. */
export async function startRankEngine(
  { backend, threads }: { backend: string | null; threads: number | null },
  { transport, terminal }: { transport: Transport | null; terminal: Terminal },
): Promise<void> {
  const here = ranksOnThisHost(transport);
  const share = here > 1 ? ownShare(here) : undefined;
  await startEngine({ backend: backend ?? undefined, threads: threads ?? share }, terminal);
  if (transport) warnOfTooManyRanks(terminal, { ranks: here, cores: cpus().length });
}
