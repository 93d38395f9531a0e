/**
 * What ranks under MPI show of themselves, on request: one that waits asks those that it waits for, and these answer between two kernels
 * or while they wait themselves. A rank that has died, hangs or is cut off does not.
 */
import type { Sign } from "../communicators/deadline.ts";
import { bytesOf } from "../communicators/reduce.ts";
import type { MpiLibrary } from "./library.ts";

/** Tells these messages from those of exchanges. */
const TAG = 2;

/** The sender, whether it asks, and its sign: how long ago, whether it waits, and the gap. */
const NUMBERS = 5;
const [ASKS, ANSWERS, ENDS] = [0, 1, 2];

/** A message on its way: MPI reads and writes its buffers, which must live as long. */
interface Pending {
  handle: BigUint64Array;
  values: Float64Array;
}

/** The signs of all ranks, as one of them knows them. */
export interface MpiSigns {
  /** What another rank last answered; null before that. */
  of(other: number): Sign | null;
  /** Asks other ranks for theirs. */
  ask(others: readonly number[]): void;
  /** Answers whoever has asked, and takes what has come. */
  answer(own: Sign): void;
  /** Ends what waits for messages. */
  close(own: Sign): void;
}

/** Starts to receive. MPI must be running. `now` is a clock in milliseconds. */
export function createMpiSigns(mpi: MpiLibrary, { rank, now }: { rank: number; now: () => number }): MpiSigns {
  const known = new Map<number, Sign>();
  const done = new Int32Array(new ArrayBuffer(4));
  let sent: Pending[] = [];

  const isPending = ({ handle }: Pending) => mpi.test(handle, done) === 0 && done[0] === 0;
  const pending = (values: Float64Array): Pending => ({ handle: new BigUint64Array(new ArrayBuffer(8)), values });
  let incoming = receive();

  function receive(): Pending {
    const next = pending(new Float64Array(new ArrayBuffer(8 * NUMBERS)));
    mpi.irecv(bytesOf(next.values), { other: mpi.anySource, tag: TAG }, next.handle);
    return next;
  }

  /** Whether another rank has died is the business of the exchange that waits for it. */
  function send(kind: number, other: number, { at, waits, gap }: Sign): void {
    const values = new Float64Array(new ArrayBuffer(8 * NUMBERS));
    values.set([rank, kind, now() - at, waits ? 1 : 0, gap]);
    const next = pending(values);
    if (mpi.isend(bytesOf(values), { other, tag: TAG }, next.handle) === 0) sent.push(next);
  }

  /** Takes what has come, and says whether the last of it was this rank's own. */
  function take(own: Sign): boolean {
    while (!isPending(incoming)) {
      // A typed array, which has as many numbers as the tuple.
      const [from, kind, age, waits, gap] = incoming.values as unknown as [number, number, number, number, number];
      if (kind === ENDS) return true;
      incoming = receive();
      if (kind === ASKS) send(ANSWERS, from, own);
      else known.set(from, { at: now() - age, waits: waits === 1, gap });
    }
    return false;
  }

  return {
    of: (other) => known.get(other) ?? null,
    ask(others) {
      for (const other of others) send(ASKS, other, { at: now(), waits: true, gap: 0 });
    },
    answer(own) {
      take(own);
      sent = sent.filter(isPending);
    },
    close(own) {
      // A message to itself ends the wait for others.
      send(ENDS, rank, own);
      while (!take(own));
    },
  };
}
