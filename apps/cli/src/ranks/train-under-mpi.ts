/** Trains as one of the processes that an MPI launcher started. Rank 0 talks to the user; an error anywhere ends all ranks. */
import { setTimeout } from "node:timers/promises";
import type { Launch, MpiTransport } from "@megatron-ts/parallel/mpi";
import { describeError } from "../terminal/describe-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Milliseconds in which rank 0 reports what fails on every rank, and ends them. */
const RANK_ZERO_FIRST = 1000;

/** Joins the launcher's run and calls `work`, with a terminal that is mute but on rank 0. */
export async function underMpi(
  launch: Launch,
  terminal: Terminal,
  work: (transport: MpiTransport, terminal: Terminal) => Promise<void>,
): Promise<void> {
  const { connectMpi } = await import("@megatron-ts/parallel/mpi");
  let transport: MpiTransport;
  try {
    transport = await connectMpi(launch);
  } catch (error) {
    // The same is missing on every rank; rank 0 says so.
    if (launch.rank > 0) process.exit(2);
    throw error;
  }
  const { rank, hosts } = transport;
  try {
    await work(transport, rank === 0 ? terminal : mute(terminal));
    transport.close();
  } catch (error) {
    const { message, exitCode } = describeError(error, { debug: Boolean(process.env.MEGATRON_DEBUG) });
    if (rank > 0) await setTimeout(RANK_ZERO_FIRST * (1 + rank / transport.size));
    terminal.error(rank === 0 ? message : `rank ${rank} on ${hosts[rank]}: ${message}`);
    transport.abort(exitCode);
  }
}

const mute = (terminal: Terminal): Terminal => ({
  ...terminal,
  interactive: false,
  print() {},
  json() {},
  write() {},
  log() {},
  progress: () => ({ update() {}, stop() {} }),
});
