/**
 * What ranks under MPI show of themselves, on request: one that waits asks those that it waits for, and these answer between two kernels
 * or while they wait themselves. A rank that has died, hangs or is cut off does not.
 */
import type { Sign } from "../communicators/deadline.ts";
import { bytesOf } from "../communicators/reduce.ts";
import type { MpiLibrary } from "./library.ts";

/** Tells these messages from those of exchanges. */
const TAG = 2;

/** What it is, and the sender's sign: how long ago, whether it waits, and the gap. */
const NUMBERS = 4;
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
  /** Says to all others that this rank neither asks nor answers any more: it is the last message that they receive. */
  end(own: Sign): void;
  /** Whether all other ranks have ended too. Call it, and `answer`, until they have, so that no message is left. */
  isOver(): boolean;
}

/**
 * Starts to receive from each of the others, since some libraries are less sound where the source is any. MPI must be running. `now` is a clock in
 * milliseconds.
 */
export function createMpiSigns(
  mpi: MpiLibrary,
  { rank, size, now }: { rank: number; size: number; now: () => number },
): MpiSigns {
  const known = new Map<number, Sign>();
  const done = new Int32Array(new ArrayBuffer(4));
  let sent: Pending[] = [];
  let ended = false;

  const isPending = ({ handle }: Pending) => mpi.test(handle, done) === 0 && done[0] === 0;
  const pending = (): Pending => ({
    handle: new BigUint64Array(new ArrayBuffer(8)),
    values: new Float64Array(new ArrayBuffer(8 * NUMBERS)),
  });
  const incoming = new Map<number, Pending>();
  for (let other = 0; other < size; other++) if (other !== rank) receive(other);

  function receive(other: number): void {
    const next = pending();
    if (mpi.irecv(bytesOf(next.values), { other, tag: TAG }, next.handle) === 0) incoming.set(other, next);
    else incoming.delete(other);
  }

  /** Whether another rank has died is the business of the exchange that waits for it. */
  function send(kind: number, other: number, { at, waits, gap }: Sign): void {
    const next = pending();
    next.values.set([kind, now() - at, waits ? 1 : 0, gap]);
    if (mpi.isend(bytesOf(next.values), { other, tag: TAG }, next.handle) === 0) sent.push(next);
  }

  /** Takes what has come from a rank. */
  function take(other: number, own: Sign): void {
    for (let message = incoming.get(other); message !== undefined; message = incoming.get(other)) {
      const code = mpi.test(message.handle, done);
      if (code === 0 && done[0] === 0) return;
      // A typed array, which has as many numbers as the tuple.
      const [kind, age, waits, gap] = message.values as unknown as [number, number, number, number];
      if (code !== 0 || kind === ENDS) {
        incoming.delete(other);
        return;
      }
      receive(other);
      if (kind === ASKS && !ended) send(ANSWERS, other, own);
      if (kind === ANSWERS) known.set(other, { at: now() - age, waits: waits === 1, gap });
    }
  }

  return {
    of: (other) => known.get(other) ?? null,
    ask(others) {
      for (const other of others) send(ASKS, other, { at: now(), waits: true, gap: 0 });
    },
    answer(own) {
      for (const other of [...incoming.keys()]) take(other, own);
      sent = sent.filter(isPending);
    },
    end(own) {
      for (let other = 0; other < size; other++) if (other !== rank) send(ENDS, other, own);
      ended = true;
    },
    isOver: () => incoming.size === 0 && sent.length === 0,
  };
}
