/** The two mailboxes between this rank and another, one for each direction, with what waits to be sent. */
import { type MailboxKind, openMailbox, type SharedMemory } from "./shared-memory.ts";

/** A message on its way, and how much of it has passed. */
export interface Passing {
  readonly message: Uint8Array;
  done: number;
}

/** A message of which nothing has passed. */
export const passing = (message: Uint8Array): Passing => ({ message, done: 0 });

/** Whether some of a message has not passed. */
export const isOpen = (message: Passing | null | undefined): boolean =>
  message != null && message.done < message.message.length;

/** A lane, from one side. */
export interface Lane {
  /** Queues a message behind those before it. */
  queue(message: Passing): void;
  /** The last message that has not gone. */
  last(): Passing | null;
  /** Sends what fits, and says whether anything moved. */
  push(): boolean;
  /** Receives what has come of a message, and says whether anything moved. */
  pull(message: Passing): boolean;
}

/** Opens the lane from `rank` to `other` and back. */
export function openLane(
  memory: SharedMemory,
  { kind, rank, other }: { kind: MailboxKind; rank: number; other: number },
): Lane {
  const outgoing = openMailbox(memory, { kind, from: rank, to: other });
  const incoming = openMailbox(memory, { kind, from: other, to: rank });
  const queued: Passing[] = [];
  return {
    queue(message) {
      if (message.message.length > 0) queued.push(message);
    },
    last: () => queued.at(-1) ?? null,
    push() {
      let moved = false;
      for (let first = queued[0]; first; first = queued[0]) {
        const sent = outgoing.write(first.message, first.done);
        if (sent === 0) break;
        moved = true;
        first.done += sent;
        if (!isOpen(first)) queued.shift();
      }
      return moved;
    },
    pull(message) {
      let moved = false;
      while (isOpen(message)) {
        const received = incoming.read(message.message, message.done);
        if (received === 0) break;
        moved = true;
        message.done += received;
      }
      return moved;
    },
  };
}
