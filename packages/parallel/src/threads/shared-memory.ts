/**
 * The memory that rank threads share: for each pair of ranks two mailboxes, one for exchanges and one for posted messages, of
 * two slots which the sender fills and the receiver empties; and for each rank a bell that wakes it, and what it shows of itself.
 */
import type { Sign } from "../communicators/deadline.ts";

const SLOTS = 2;

/** Written, read, and the length of each slot. */
const MAILBOX_WORDS = 2 + SLOTS;

/** When it was shown, whether the rank waits, and the gap. */
const SIGN_WORDS = 3;

/** What a mailbox is for. */
export type MailboxKind = "exchange" | "post";
const KINDS = 2;

/** Default size of a slot: small enough for the caches of a core. */
const DEFAULT_CHUNK_BYTES = 256 * 1024;

/** What every rank thread starts with. */
export interface SharedMemory {
  readonly ranks: number;
  readonly chunkBytes: number;
  /** Milliseconds since 1970 at which the clock of all threads began. */
  readonly epoch: number;
  /** Per mailbox: chunks written, chunks read, lengths of the slots; then per rank a bell and a sign. */
  readonly control: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
}

/** Allocates the memory of `ranks` threads. */
export function allocateSharedMemory(ranks: number, { chunkBytes = DEFAULT_CHUNK_BYTES } = {}): SharedMemory {
  const control = new SharedArrayBuffer(4 * (KINDS * ranks * ranks * MAILBOX_WORDS + ranks * (1 + SIGN_WORDS)));
  return {
    ranks,
    chunkBytes,
    epoch: Date.now(),
    control,
    slots: new SharedArrayBuffer(KINDS * ranks * ranks * SLOTS * chunkBytes),
  };
}

/** A mailbox, from either side. Chunks leave it in the order they came in. */
export interface Mailbox {
  /** Takes as much of the message from `offset` on as fits, and says how much; 0 if the mailbox is full. */
  write(message: Uint8Array, offset: number): number;
  /** Fills the message from `offset` on with the next chunk, and says how much; 0 if the mailbox is empty. */
  read(message: Uint8Array, offset: number): number;
}

/** Opens the mailbox of a pair. */
export function openMailbox(
  memory: SharedMemory,
  { kind, from, to }: { kind: MailboxKind; from: number; to: number },
): Mailbox {
  const { ranks, chunkBytes } = memory;
  const words = new Int32Array(memory.control);
  const box = ((kind === "post" ? 1 : 0) * ranks + from) * ranks + to;
  const [written, read, lengths] = [0, 1, 2].map((word) => box * MAILBOX_WORDS + word) as [number, number, number];
  const slotAt = (chunk: number) => chunk % SLOTS;
  const slotBytes = (slot: number, length: number) =>
    new Uint8Array(memory.slots, (box * SLOTS + slot) * chunkBytes, length);
  return {
    write(message, offset) {
      const next = Atomics.load(words, written);
      if (next - Atomics.load(words, read) >= SLOTS) return 0;
      const length = Math.min(chunkBytes, message.length - offset);
      const slot = slotAt(next);
      slotBytes(slot, length).set(message.subarray(offset, offset + length));
      words[lengths + slot] = length;
      Atomics.store(words, written, next + 1);
      ring(memory, to);
      return length;
    },
    read(message, offset) {
      const next = Atomics.load(words, read);
      if (Atomics.load(words, written) === next) return 0;
      const slot = slotAt(next);
      const length = words[lengths + slot]!;
      if (length > message.length - offset || length !== Math.min(chunkBytes, message.length - offset)) {
        throw new Error(`rank ${to} expected ${message.length} bytes of rank ${from}, which sent another number`);
      }
      message.set(slotBytes(slot, length), offset);
      Atomics.store(words, read, next + 1);
      ring(memory, from);
      return length;
    },
  };
}

const bellOf = ({ ranks }: SharedMemory, rank: number) => KINDS * ranks * ranks * MAILBOX_WORDS + rank;

/** Wakes a rank that waits. */
function ring(memory: SharedMemory, rank: number): void {
  const words = new Int32Array(memory.control);
  Atomics.add(words, bellOf(memory, rank), 1);
  Atomics.notify(words, bellOf(memory, rank));
}

/** A rank's bell. */
export interface Bell {
  /** How often it has rung. */
  count(): number;
  /** Waits until it has rung more often than `count`, at most so long. */
  wait(count: number, milliseconds: number): void;
}

/** The bell of a rank. */
export function openBell(memory: SharedMemory, rank: number): Bell {
  const words = new Int32Array(memory.control);
  const bell = bellOf(memory, rank);
  return {
    count: () => Atomics.load(words, bell),
    wait: (count, milliseconds) => void Atomics.wait(words, bell, count, milliseconds),
  };
}

/** Where ranks show that they work. */
export interface Signs {
  /** Milliseconds on a clock that all threads share. */
  now(): number;
  show(sign: Sign): void;
  of(rank: number): Sign;
}

/** Opens the signs of all ranks, of which this one shows its own. */
export function openSigns(memory: SharedMemory, rank: number): Signs {
  const words = new Int32Array(memory.control);
  const first = (of: number) => bellOf(memory, memory.ranks) + of * SIGN_WORDS;
  const now = () => performance.timeOrigin + performance.now() - memory.epoch;
  return {
    now,
    show({ at, waits, gap }) {
      // Milliseconds overflow after 24 days, which their differences do not notice.
      Atomics.store(words, first(rank), at | 0);
      Atomics.store(words, first(rank) + 1, waits ? 1 : 0);
      Atomics.store(words, first(rank) + 2, gap);
    },
    of(other) {
      const [at, waits, gap] = [0, 1, 2].map((word) => Atomics.load(words, first(other) + word)) as [
        number,
        number,
        number,
      ];
      const time = now();
      return { at: time - (((time | 0) - at) | 0), waits: waits === 1, gap };
    },
  };
}
