/** Messages between the threads of one process, through the memory that they share. */
import { createDeadline } from "../communicators/deadline.ts";
import type { Messages, Transport } from "../communicators/transport.ts";
import { isOpen, type Lane, openLane, type Passing, passing } from "./lane.ts";
import { openBell, openSigns, type SharedMemory } from "./shared-memory.ts";

/** How long a rank sleeps at most before it looks at its deadline, in milliseconds. */
const NAP = 50;

/** How often a rank that works says so at most, in milliseconds. */
const SHOW_EVERY = 50;

/** Messages that must pass, by the other rank. */
interface Settled {
  lanes: readonly Lane[];
  sent?: readonly (Passing | null)[];
  received?: readonly (Passing | null)[];
  patience?: number;
}

/** Joins the run as one of its ranks. */
export function createThreadTransport(
  memory: SharedMemory,
  { rank, host, timeoutSeconds }: { rank: number; host: string; timeoutSeconds?: number },
): Transport {
  const size = memory.ranks;
  const hosts = Array<string>(size).fill(host);
  const others = [...hosts.keys()];
  const exchanges = others.map((other) => openLane(memory, { kind: "exchange", rank, other }));
  const posts = others.map((other) => openLane(memory, { kind: "post", rank, other }));
  const bell = openBell(memory, rank);
  const signs = openSigns(memory, rank);
  const deadline = createDeadline({ rank, hosts, timeoutSeconds, now: signs.now, signOf: signs.of });
  let shown = { at: 0, waits: false };

  function show(awaited?: readonly number[]): void {
    const sign = deadline.sign(awaited);
    if (sign.waits === shown.waits && sign.at - shown.at < SHOW_EVERY) return;
    signs.show(sign);
    shown = sign;
  }

  /** Returns when these messages have passed. Sends what it can of all others meanwhile. */
  function settle({ lanes, sent = [], received = [], patience }: Settled): void {
    const open = () => others.filter((other) => isOpen(sent[other]) || isOpen(received[other]));
    deadline.begin(patience);
    for (;;) {
      const rings = bell.count();
      const moves = others.flatMap((other) => [
        exchanges[other]!.push(),
        posts[other]!.push(),
        received[other] ? lanes[other]!.pull(received[other]) : false,
      ]);
      if (open().length === 0) break;
      if (moves.includes(true)) continue;
      show(open());
      deadline.check(open);
      bell.wait(rings, NAP);
    }
    deadline.end();
    show();
  }

  const toOthers = (messages: Messages) =>
    messages.map((message, other) => (message && other !== rank ? passing(message) : null));

  return {
    size,
    rank,
    hosts,
    exchange({ send, receive }, { patience } = {}) {
      const own = send[rank];
      if (own) receive[rank]!.set(own);
      const sent = toOthers(send);
      sent.forEach((message, other) => {
        if (message) exchanges[other]!.queue(message);
      });
      settle({ lanes: exchanges, sent, received: toOthers(receive), patience });
    },
    post(message, to) {
      posts[to]!.queue(passing(message.slice()));
      posts[to]!.push();
    },
    take(message, from) {
      settle({ lanes: posts, received: others.map((other) => (other === from ? passing(message) : null)) });
    },
    work() {
      deadline.work();
      show();
    },
    waitedSeconds: deadline.waitedSeconds,
    close: () => settle({ lanes: posts, sent: posts.map((lane) => lane.last()) }),
  };
}
