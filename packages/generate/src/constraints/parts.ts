/** Parts of patterns, and ways to put them together. */
import { type CharacterSet, utf8Ranges } from "./characters.ts";
import type { Part } from "./nfa.ts";

/** Nothing. */
export const empty: Part = (_, from) => from;

/** A text as it is. */
export function literal(text: string): Part {
  const bytes = new TextEncoder().encode(text);
  return (nfa, from) => {
    let state = from;
    for (const byte of bytes) {
      const to = nfa.addState();
      nfa.addEdge(state, { low: byte, high: byte, to });
      state = to;
    }
    return state;
  };
}

/** One character of a set. */
export function oneOf(characters: CharacterSet): Part {
  const sequences = utf8Ranges(characters);
  return (nfa, from) => {
    const end = nfa.addState();
    for (const sequence of sequences) {
      let state = from;
      for (const [index, [low, high]] of sequence.entries()) {
        const to = index === sequence.length - 1 ? end : nfa.addState();
        nfa.addEdge(state, { low, high, to });
        state = to;
      }
    }
    return end;
  };
}

/** One after another. */
export const sequence =
  (...parts: readonly Part[]): Part =>
  (nfa, from) =>
    parts.reduce((state, part) => part(nfa, state), from);

/** Any one of several. */
export const either =
  (...parts: readonly Part[]): Part =>
  (nfa, from) => {
    const end = nfa.addState();
    for (const part of parts) {
      const start = nfa.addState();
      nfa.addJump(from, start);
      nfa.addJump(part(nfa, start), end);
    }
    return end;
  };

/** From `least` to `most` times. */
export const repeat =
  (part: Part, least: number, most = Number.POSITIVE_INFINITY): Part =>
  (nfa, from) => {
    let state = from;
    for (let count = 0; count < least; count++) state = part(nfa, state);
    const end = nfa.addState();
    nfa.addJump(state, end);
    if (most === Number.POSITIVE_INFINITY) {
      const start = nfa.addState();
      nfa.addJump(state, start);
      const after = part(nfa, start);
      nfa.addJump(after, start);
      nfa.addJump(after, end);
      return end;
    }
    for (let count = least; count < most; count++) {
      state = part(nfa, state);
      nfa.addJump(state, end);
    }
    return end;
  };

/** There or not. */
export const optional = (part: Part): Part => repeat(part, 0, 1);

/** From `least` to `most` times, with something in between. */
export function separated(part: Part, separator: Part, { least = 0, most = Number.POSITIVE_INFINITY } = {}): Part {
  if (most === 0) return empty;
  const list: Part = (nfa, from) => {
    if (least > 1 || most !== Number.POSITIVE_INFINITY) {
      return sequence(part, repeat(sequence(separator, part), Math.max(0, least - 1), most - 1))(nfa, from);
    }
    // One copy of the part, to which the separator leads back.
    const start = nfa.addState();
    nfa.addJump(from, start);
    const end = part(nfa, start);
    nfa.addJump(separator(nfa, end), start);
    return end;
  };
  return least === 0 ? optional(list) : list;
}
