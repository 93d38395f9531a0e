/** Ranks as processes that an MPI launcher started. */
import type { Launch } from "./launcher.ts";
import { loadMpi } from "./library.ts";
import { turnOffMemoryHooks } from "./memory-hooks.ts";
import { createMpiTransport, type MpiOptions, type MpiTransport } from "./mpi-transport.ts";

export { detectLaunch, type Launch } from "./launcher.ts";
export type { MpiOptions, MpiTransport } from "./mpi-transport.ts";

/**
 * Joins the run that a launcher started this process for.
 * @throws ParallelError without `koffi` or an MPI library
 */
export async function connectMpi(
  launch: Launch,
  { environment = process.env, ...options }: MpiOptions & { environment?: NodeJS.ProcessEnv } = {},
): Promise<MpiTransport> {
  turnOffMemoryHooks(environment);
  return createMpiTransport(await loadMpi(launch, environment), options);
}
