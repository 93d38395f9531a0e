/** A nondeterministic automaton over bytes, which parts of a pattern add states to. Thompson's construction (1968). */
import { GenerateError } from "../errors.ts";

/** States of one pattern. More are a pattern that somebody wrote to keep a server busy. */
const MOST_STATES = 100_000;

/** A transition by the bytes `low` to `high`. */
interface Edge {
  low: number;
  high: number;
  to: number;
}

/** An automaton that is being built. State 0 is where it starts. */
export interface Nfa {
  readonly edges: readonly (readonly Edge[])[];
  /** For each state, those that are reached without a byte. */
  readonly jumps: readonly (readonly number[])[];
  addState(): number;
  addEdge(from: number, edge: Edge): void;
  addJump(from: number, to: number): void;
}

/** Something that a text may contain: adds its states after `from`, and returns the one after it. */
export type Part = (nfa: Nfa, from: number) => number;

/** Creates an automaton with its first state. */
export function createNfa(): Nfa {
  const edges: Edge[][] = [[]];
  const jumps: number[][] = [[]];
  return {
    edges,
    jumps,
    addState() {
      if (edges.length >= MOST_STATES) throw new GenerateError("the pattern or schema is too large");
      jumps.push([]);
      return edges.push([]) - 1;
    },
    addEdge: (from, edge) => void edges[from]!.push(edge),
    addJump: (from, to) => void jumps[from]!.push(to),
  };
}
