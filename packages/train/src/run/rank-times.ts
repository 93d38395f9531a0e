/** How long each rank works on a step besides waiting for others: which one the others wait for, if they do. */
import { hostname } from "node:os";
import type { Communicator } from "@megatron-ts/parallel";

/** The working time of every rank over some steps. */
export interface RankTimes {
  /** Milliseconds a step, by rank. */
  milliseconds: number[];
  /** The rank that took longest. */
  slowest: number;
  /** Its host. */
  host: string;
  /** Milliseconds a step of the median of the other ranks. */
  others: number;
}

/** Gathers working times; null for a run of one rank. All ranks create it and call it together. */
export function createRankTimes(world: Communicator): (secondsPerStep: number) => RankTimes | null {
  if (world.size === 1) return () => null;
  const hosts = world.gatherText(hostname());
  return (seconds) => {
    const values = new Float64Array(world.size);
    values[world.rank] = 1000 * seconds;
    world.reduce(values);
    return slowestOf([...values], hosts);
  };
}

/** Finds the slowest of at least two ranks. */
export function slowestOf(milliseconds: readonly number[], hosts: readonly string[]): RankTimes {
  const order = [...milliseconds.keys()].toSorted((a, b) => milliseconds[a]! - milliseconds[b]!);
  const slowest = order.pop()!;
  const others = milliseconds[order[Math.floor((order.length - 1) / 2)]!]!;
  return { milliseconds: [...milliseconds], slowest, host: hosts[slowest]!, others };
}

/** What a rank may take more than the others without being called slow. */
const TOLERATED = 1.5;

/** One phrase about a rank that the others wait for; null if none is much slower. */
export function describeStraggler({ milliseconds, slowest, host, others }: RankTimes): string | null {
  const own = milliseconds[slowest]!;
  if (own <= TOLERATED * others) return null;
  return `rank ${slowest} on ${host} is slow: ${shown(own)} ms a step, others ${shown(others)} ms`;
}

const shown = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));
