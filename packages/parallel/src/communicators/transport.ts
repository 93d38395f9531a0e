/**
 * What carries bytes between ranks: messages from one rank to another, in order. Collectives are built on it, the same for
 * every transport, so that sums have the same bits on threads and under any MPI library.
 */

/** A message for each rank, or null. The one for this rank itself is copied. */
export type Messages = readonly (Uint8Array | null)[];

/** All ranks of a run, as one of them sees them. Every call is synchronous and returns within its deadline or throws. */
export interface Transport {
  readonly size: number;
  readonly rank: number;
  /** The host of each rank. */
  readonly hosts: readonly string[];
  /**
   * Sends and receives messages, one at most to and from each rank, and returns when all have passed. Lengths must agree
   * on both sides.
   * @throws RankError if a rank does not answer in time, or has ended
   */
  exchange(messages: { send: Messages; receive: Messages }, options?: ExchangeOptions): void;
  /** Sends a copy of a message without waiting for its receiver, apart from all exchanges. */
  post(message: Uint8Array, to: number): void;
  /** Receives the next message that a rank posted here. Throws like `exchange`. */
  take(message: Uint8Array, from: number): void;
  /** Shows other ranks that this one works: call it after each kernel. */
  work(): void;
  /** Notes the last step that was completed, for what is said of this rank if it is killed. Default: nothing is. */
  completed?(step: number): void;
  /** Seconds that this rank has spent on messages so far, mostly waiting for other ranks. */
  waitedSeconds(): number;
  /** Waits for posted messages and leaves the run; the other ranks do the same. */
  close(): void;
}

/** Options of one exchange. */
export interface ExchangeOptions {
  /** Seconds that other ranks may take besides the usual, for work that only one of them does. */
  patience?: number;
}
