/** Answers that may become the call of a function, as they are streamed. */
import type { Piece, TokenPiece } from "../engine/protocol.ts";
import { type callable, type ToolCall, toolCallIn } from "./tool-calls.ts";

/** Holds back an answer that begins like a call until it is whole; other texts pass. */
export function holdCalls(tools: ReturnType<typeof callable>) {
  const held = new Map<number, { text: string; tokens: TokenPiece[] }>();
  return {
    add(piece: Piece): Pick<Piece, "choice" | "text" | "tokens" | "finishReason"> & { call: ToolCall | null } {
      const { choice, finishReason } = piece;
      const before = held.get(choice) ?? { text: "", tokens: [] };
      const whole = { text: before.text + piece.text, tokens: [...before.tokens, ...piece.tokens] };
      const isOpen = whole.text === "" || whole.text.startsWith("{");
      if (isOpen && !finishReason) {
        held.set(choice, whole);
        return { choice, text: "", tokens: [], finishReason, call: null };
      }
      held.delete(choice);
      return { choice, ...whole, finishReason, call: finishReason ? toolCallIn(whole.text, tools) : null };
    },
  };
}
