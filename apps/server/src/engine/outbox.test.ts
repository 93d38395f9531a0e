/** Pieces on their way to the HTTP thread: never two messages at a time, nothing lost, nothing out of order. */
import { describe, expect, it } from "vitest";
import { createOutbox } from "./outbox.ts";
import type { EngineMessage, Piece } from "./protocol.ts";

const load = { running: 1, waiting: 0, cacheUsage: 0.5 };
const piece = (id: number, choice: number, text: string, generatedTokens: number): Piece => ({
  ...{ id, choice, text, generatedTokens, tokens: [], finishReason: text.endsWith(".") ? "stop" : null },
});
const step = (...pieces: Piece[]) => ({ pieces, promptTokens: 1, reusedTokens: 2 });

describe("createOutbox", () => {
  it("sends at once, and while that is on its way, joins what follows by request and choice", () => {
    const sent: EngineMessage[] = [];
    const outbox = createOutbox((message) => sent.push(message));
    outbox.add(step(piece(1, 0, "a", 1), piece(2, 0, "x", 1)), load);
    expect(sent).toHaveLength(1);
    outbox.add(step(piece(1, 0, "b", 2), piece(1, 1, "k", 1)), load);
    outbox.add(step(piece(1, 0, "c.", 3), piece(2, 0, "y", 2)), { ...load, running: 2 });
    expect(sent).toHaveLength(1);
    outbox.taken();
    expect(sent[1]).toEqual({
      type: "pieces",
      pieces: [piece(1, 0, "bc.", 3), piece(1, 1, "k", 1), piece(2, 0, "y", 2)],
      load: { ...load, running: 2 },
      promptTokens: 2,
      reusedTokens: 4,
    });
    outbox.taken();
    expect(sent).toHaveLength(2);
    outbox.add(step(piece(2, 0, "z", 3)), load);
    expect(sent).toHaveLength(3);
  });
});
