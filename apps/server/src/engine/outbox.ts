/**
 * Collects what steps have generated until the HTTP thread has taken the last message: it never has more than one to handle, and
 * answers other requests between two. While it is slow, pieces of a choice become one.
 */
import type { EngineLoad, EngineMessage, Piece } from "./protocol.ts";

/** What a step did, for the HTTP thread. */
interface SteppedPieces {
  pieces: readonly Piece[];
  promptTokens: number;
  reusedTokens: number;
}

/** Messages with pieces, one at a time. */
interface Outbox {
  /** Adds a step, and sends it unless a message is on its way. */
  add(step: SteppedPieces, load: EngineLoad): void;
  /** The HTTP thread has handled a message. */
  taken(): void;
  /** Sends what there is right away, before another message about this request. */
  flush(): void;
}

/** An empty outbox. */
export function createOutbox(send: (message: EngineMessage) => void): Outbox {
  /** By request and choice, in the order of their first pieces. */
  let collected = new Map<string, Piece>();
  let counts = { promptTokens: 0, reusedTokens: 0 };
  let load: EngineLoad | null = null;
  let isOnItsWay = false;

  function flush() {
    if (!load) return;
    isOnItsWay = true;
    send({ type: "pieces", pieces: [...collected.values()], load, ...counts });
    collected = new Map();
    counts = { promptTokens: 0, reusedTokens: 0 };
    load = null;
  }

  return {
    add({ pieces, promptTokens, reusedTokens }, now) {
      for (const piece of pieces) {
        const key = `${piece.id}/${piece.choice}`;
        const before = collected.get(key);
        collected.set(key, before ? joined(before, piece) : piece);
      }
      counts.promptTokens += promptTokens;
      counts.reusedTokens += reusedTokens;
      load = now;
      if (!isOnItsWay) flush();
    },
    taken() {
      isOnItsWay = false;
      flush();
    },
    flush,
  };
}

/** Two pieces of a choice as one. */
const joined = (first: Piece, second: Piece): Piece => ({
  ...second,
  text: first.text + second.text,
  tokens: [...first.tokens, ...second.tokens],
});
