/** Some ranks of a run among themselves, such as those along one axis of the mesh: ranks are counted within the group. */
import { ParallelError } from "../errors.ts";
import type { ExchangeOptions, Messages, Transport } from "./transport.ts";

/** A group of ranks, as one of them sees it. */
export interface Group {
  readonly size: number;
  /** Index of this process in the group. */
  readonly rank: number;
  /** One value for each rank. */
  ranks<Value>(of: (rank: number) => Value): Value[];
  /** Like that of the transport, with the messages of the group's ranks only. */
  exchange(messages: { send: Messages; receive: Messages }, options?: ExchangeOptions): void;
  post(message: Uint8Array, to: number): void;
  take(message: Uint8Array, from: number): void;
}

/** @param members the group's ranks in the run, this one among them. Each pair of ranks exchanges in the same order everywhere. */
export function createGroup(transport: Transport, members: readonly number[]): Group {
  const rank = members.indexOf(transport.rank);
  if (rank < 0) throw new ParallelError(`rank ${transport.rank} is not in the group of ${members.join(", ")}`);
  const spread = (messages: Messages): Messages => {
    const all: (Uint8Array | null)[] = Array(transport.size).fill(null);
    members.forEach((member, index) => {
      all[member] = messages[index]!;
    });
    return all;
  };
  return {
    size: members.length,
    rank,
    ranks: (of) => members.map((_, index) => of(index)),
    exchange: ({ send, receive }, options) =>
      transport.exchange({ send: spread(send), receive: spread(receive) }, options),
    post: (message, to) => transport.post(message, members[to]!),
    take: (message, from) => transport.take(message, members[from]!),
  };
}
