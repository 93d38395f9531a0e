/** A deterministic automaton over bytes, made of a pattern as far as texts go (the subset construction, on demand). */
import { GenerateError } from "../errors.ts";
import { createNfa, type Nfa, type Part } from "./nfa.ts";

/** Where no text leads on. */
export const DEAD = -1;

/** An automaton. State 0 is where it starts. */
export interface Automaton {
  /** The state after a byte; DEAD if no text of the pattern continues so. */
  step(state: number, byte: number): number;
  /** Whether the text so far is one of the pattern. */
  accepts(state: number): boolean;
}

const UNKNOWN = -2;

/** Builds the automaton of a pattern. Throws a GenerateError for one that no text meets. */
export function createAutomaton(pattern: Part): Automaton {
  const nfa = createNfa();
  const end = pattern(nfa, 0);
  const leadsToEnd = statesLeadingTo(end, nfa);
  if (!leadsToEnd.has(0)) throw new GenerateError("no text meets the pattern or schema");
  const numbers = new Map<string, number>();
  const members: number[][] = [];
  const next: Int32Array[] = [];

  /** All states that are reached without a byte, in order. */
  function closure(states: Iterable<number>): number[] {
    const found = new Set(states);
    const open = [...found];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const to of nfa.jumps[state]!) {
        if (found.has(to)) continue;
        found.add(to);
        open.push(to);
      }
    }
    // Those that neither read a byte nor end a text make no difference.
    return [...found]
      .filter((state) => leadsToEnd.has(state) && (state === end || nfa.edges[state]!.length > 0))
      .sort((a, b) => a - b);
  }

  function numberOf(states: number[]): number {
    if (states.length === 0) return DEAD;
    const key = states.join(",");
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const number = members.push(states) - 1;
    next.push(new Int32Array(256).fill(UNKNOWN));
    numbers.set(key, number);
    return number;
  }

  numberOf(closure([0]));
  return {
    step(state, byte) {
      if (state === DEAD) return DEAD;
      const known = next[state]![byte]!;
      if (known !== UNKNOWN) return known;
      const reached = new Set<number>();
      for (const member of members[state]!) {
        for (const { low, high, to } of nfa.edges[member]!) if (byte >= low && byte <= high) reached.add(to);
      }
      const number = numberOf(closure(reached));
      next[state]![byte] = number;
      return number;
    },
    accepts: (state) => state !== DEAD && members[state]!.includes(end),
  };
}

/** The states from which a text can still become one of the pattern. */
function statesLeadingTo(end: number, { edges, jumps }: Nfa): Set<number> {
  const before = jumps.map((): number[] => []);
  for (const [state, reached] of jumps.entries()) for (const to of reached) before[to]!.push(state);
  for (const [state, out] of edges.entries()) for (const { to } of out) before[to]!.push(state);
  const found = new Set([end]);
  for (const state of found) for (const from of before[state]!) found.add(from);
  return found;
}
