/**
 * Messages between processes that an MPI launcher started. Every call is a non-blocking one that is polled to a deadline, since
 * a blocking one would never return when another rank has died.
 */
import { hostname } from "node:os";
import { createDeadline, DEFAULT_TIMEOUT_SECONDS } from "../communicators/deadline.ts";
import { createGroup } from "../communicators/group.ts";
import { gatherText, meet } from "../communicators/meetings.ts";
import type { Messages, Transport } from "../communicators/transport.ts";
import { RankError } from "../errors.ts";
import { prepareLastWords } from "./last-words.ts";
import type { MessagePlace, MpiLibrary } from "./library.ts";
import { createMpiSigns } from "./signs.ts";

/** MPI counts bytes in 32-bit integers. */
const DEFAULT_CHUNK_BYTES = 2 ** 30;

/** What tells messages of exchanges and posted ones apart. */
const [EXCHANGED, POSTED] = [0, 1];

/** How often a rank that works looks whether others ask for it, in milliseconds, and how often one that waits does. */
const [LOOK_EVERY, LOOK_EVERY_WAITING] = [50, 5];

/** The part of the timeout after which a rank that waits asks for those that it waits for, again and again. */
const ASK_EVERY = 1 / 8;

/** Seconds that ranks may start apart. */
const START_SECONDS = 120;

/** Options of the transport. */
export interface MpiOptions {
  /** Seconds, besides a multiple of the time its own work takes, that a rank waits for another. */
  timeoutSeconds?: number;
  /** Bytes that one call sends at most. */
  chunkBytes?: number;
}

/** A transport with MPI's way to end all ranks at once. */
export interface MpiTransport extends Transport {
  /** Ends all ranks; does not return. */
  abort(exitCode: number): void;
}

/** A chunk on its way. MPI writes to these buffers, which must live as long. */
interface Request {
  readonly handle: BigUint64Array;
  readonly bytes: Uint8Array;
  readonly other: number;
}

/** Starts MPI in this process and waits for the other ranks. */
export function createMpiTransport(
  mpi: MpiLibrary,
  { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, chunkBytes = DEFAULT_CHUNK_BYTES }: MpiOptions = {},
): MpiTransport {
  const lastWords = prepareLastWords();
  mpi.init();
  const [rank, size] = [mpi.rank(), mpi.size()];
  const hosts: string[] = Array(size).fill("an unknown host");
  hosts[rank] = hostname();
  lastWords.name(`rank ${rank} on ${hosts[rank]}`);
  const now = () => performance.now();
  const signs = createMpiSigns(mpi, { rank, size, now });
  const deadline = createDeadline({ rank, hosts, timeoutSeconds, now, signOf: signs.of });
  let [askedAt, lookedAt] = [0, 0];
  const done = new Int32Array(new ArrayBuffer(4));
  let posted: Request[] = [];

  function start(kind: "isend" | "irecv", message: Uint8Array, { other, tag }: MessagePlace): Request[] {
    return chunksOf(message, chunkBytes).map((bytes) => {
      const handle = new BigUint64Array(new ArrayBuffer(8));
      check(mpi[kind](bytes, { other, tag }, handle), other);
      return { handle, bytes, other };
    });
  }

  function isPending({ handle, other }: Request): boolean {
    check(mpi.test(handle, done), other);
    return done[0] === 0;
  }

  function check(code: number, other: number): void {
    if (code === 0) return;
    throw new RankError(
      `rank ${rank} cannot reach rank ${other} on ${hosts[other]} (MPI error ${code}): it has died or is cut off; ` +
        "rerun the same command with --resume auto",
    );
  }

  /** Answers others, and asks for the ranks that this one waits for, every now and then. */
  function showAndAsk(awaited: () => number[]): void {
    const time = now();
    if (time - lookedAt < LOOK_EVERY_WAITING) return;
    lookedAt = time;
    signs.answer(deadline.sign(awaited()));
    const every = 1000 * timeoutSeconds * ASK_EVERY;
    if (deadline.waiting() < every || time - askedAt < every) return;
    askedAt = time;
    signs.ask(awaited());
  }

  function settle(requests: Request[], patience?: number): void {
    let open = requests;
    const nap = createNap();
    const awaited = () => [...new Set(open.map(({ other }) => other))];
    deadline.begin(patience);
    for (;;) {
      posted = posted.filter(isPending);
      const before = open.length;
      open = open.filter(isPending);
      if (open.length === 0) break;
      if (open.length < before) continue;
      showAndAsk(awaited);
      deadline.check(awaited);
      nap();
    }
    deadline.end();
  }

  const startAll = (kind: "isend" | "irecv", messages: Messages) =>
    messages.flatMap((message, other) =>
      message && other !== rank ? start(kind, message, { other, tag: EXCHANGED }) : [],
    );

  const transport: MpiTransport = {
    size,
    rank,
    hosts,
    exchange({ send, receive }, { patience } = {}) {
      const own = send[rank];
      if (own) receive[rank]!.set(own);
      settle([...startAll("irecv", receive), ...startAll("isend", send)], patience);
    },
    post: (message, to) => void posted.push(...start("isend", message.slice(), { other: to, tag: POSTED })),
    take: (message, from) => settle(start("irecv", message, { other: from, tag: POSTED })),
    work() {
      deadline.work();
      const time = now();
      if (time - lookedAt < LOOK_EVERY) return;
      lookedAt = time;
      signs.answer(deadline.sign());
    },
    completed: lastWords.completed,
    waitedSeconds: deadline.waitedSeconds,
    close() {
      settle(posted);
      signs.end(deadline.sign());
      // As long as others work: MPI's own end waits for them, too.
      for (const nap = createNap(); !signs.isOver(); nap()) signs.answer(deadline.sign());
      mpi.finalize();
      lastWords.end();
    },
    abort(exitCode) {
      lastWords.end();
      mpi.abort(exitCode);
    },
  };
  const world = createGroup(transport, [...hosts.keys()]);
  meet(world, START_SECONDS);
  hosts.splice(0, size, ...gatherText(world, hostname()));
  return transport;
}

/** Pieces of at most `length` bytes, in memory that does not move. */
function chunksOf(message: Uint8Array, length: number): Uint8Array[] {
  // Reading `buffer` moves the few bytes of a small array out of the garbage-collected heap.
  const { buffer, byteOffset, byteLength } = message;
  return Array.from({ length: Math.ceil(byteLength / length) }, (_, chunk) => {
    const start = chunk * length;
    return new Uint8Array(buffer, byteOffset + start, Math.min(length, byteLength - start));
  });
}

/** Polls at once at first, then with longer and longer naps: there may be more ranks than cores. */
function createNap(): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let polls = 0;
  return () => {
    polls++;
    if (polls > 500) Atomics.wait(never, 0, 0, Math.min(1, polls / 10_000));
  };
}
