/**
 * Constrained output (Willard and Louf 2023): which tokens may come next, so that the text becomes one of a pattern. For each
 * state of the pattern's automaton the tokens are found once and kept as a mask.
 */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "../errors.ts";
import { type Automaton, createAutomaton, DEAD } from "./automaton.ts";
import { jsonSchema } from "./json-schema.ts";
import { jsonObject } from "./json-values.ts";
import type { Part } from "./nfa.ts";
import { either, literal, sequence } from "./parts.ts";
import { regularExpression } from "./regular-expression.ts";
import { createTokenTrie, type TrieNode } from "./token-trie.ts";

/** What an output must be: a text that a regular expression matches as a whole, a JSON object, or JSON of a schema. */
export type Pattern =
  | { kind: "regex"; source: string }
  | { kind: "json-object" }
  | { kind: "json-schema"; schema: unknown }
  /** The call of a function as JSON, `{"name": ..., "arguments": ...}`, with arguments of a schema. */
  | { kind: "function-call"; name: string; parameters: unknown }
  /** One of several. */
  | { kind: "either"; patterns: readonly Pattern[] };

/** The tokens that may come next, by id; `ends` if the text may end. */
interface TokenMask {
  allows(token: number): boolean;
  ends: boolean;
  /** Whether nothing may follow. */
  isComplete: boolean;
}

/** A constraint, shared by all texts that it holds for. */
export interface Constraint {
  /** Starts a text. */
  start(): ConstrainedText;
}

/** A text as far as it has been written. */
export interface ConstrainedText {
  /** What may come next. */
  readonly mask: TokenMask;
  /** Adds a token, which the mask must allow. */
  push(token: number): void;
  /** The same text, to be continued in another way. */
  copy(): ConstrainedText;
}

/** Which tokens may come next; the ones that stop a text where it may end. */
export function allowedTokens(
  { mask }: ConstrainedText,
  { stopTokens = [] }: { stopTokens?: readonly number[] },
): (token: number) => boolean {
  const { ends, isComplete } = mask;
  if (isComplete && stopTokens.length === 0)
    throw new GenerateError("the text is complete, and has no token to end with");
  return (token) => (stopTokens.includes(token) ? ends : mask.allows(token));
}

/** Makes constraints for a vocabulary; the same pattern gives the same constraint, with the masks it has. */
export interface ConstraintFactory {
  /** Throws a GenerateError for a pattern that cannot be used, or that no text of the vocabulary meets. */
  create(pattern: Pattern): Constraint;
}

/** Constraints that are kept. */
const MOST_CONSTRAINTS = 64;

/** Prepares a vocabulary. */
export function createConstraintFactory(tokenizer: Tokenizer): ConstraintFactory {
  let trie: ReturnType<typeof createTokenTrie> | null = null;
  const known = new Map<string, Constraint>();
  return {
    create(pattern) {
      const key = JSON.stringify(pattern);
      const found = known.get(key);
      if (found) {
        // Those that were used last are kept.
        known.delete(key);
        known.set(key, found);
        return found;
      }
      trie ??= createTokenTrie(tokenizer);
      const created = createConstraint(createAutomaton(partOf(pattern)), { ...trie, size: tokenizer.vocabularySize });
      known.set(key, created);
      if (known.size > MOST_CONSTRAINTS) known.delete(known.keys().next().value!);
      return created;
    },
  };
}

/** The part that a pattern describes. */
function partOf(pattern: Pattern): Part {
  if (pattern.kind === "regex") return regularExpression(pattern.source);
  if (pattern.kind === "json-object") return jsonObject();
  if (pattern.kind === "json-schema") return jsonSchema(pattern.schema);
  if (pattern.kind === "function-call") {
    const begin = literal(`{"name": ${JSON.stringify(pattern.name)}, "arguments": `);
    return sequence(begin, jsonSchema(pattern.parameters), literal("}"));
  }
  return either(...pattern.patterns.map(partOf));
}

interface Vocabulary {
  root: TrieNode;
  bytesOf: (id: number) => Uint8Array;
  size: number;
}

function createConstraint(automaton: Automaton, { root, bytesOf, size }: Vocabulary): Constraint {
  const masks = new Map<number, TokenMask>();

  function maskOf(state: number): TokenMask {
    const known = masks.get(state);
    if (known) return known;
    const bits = new Uint32Array(Math.ceil(size / 32));
    let count = 0;
    const open: [TrieNode, number][] = [[root, state]];
    for (let entry = open.pop(); entry; entry = open.pop()) {
      const [node, at] = entry;
      for (const token of node.tokens) {
        bits[token >>> 5]! |= 1 << (token & 31);
        count++;
      }
      for (const [byte, after] of node.next) {
        const to = automaton.step(at, byte);
        if (to !== DEAD) open.push([after, to]);
      }
    }
    const ends = automaton.accepts(state);
    if (count === 0 && !ends) {
      throw new GenerateError("no token of the model's vocabulary continues a text that the pattern or schema allows");
    }
    const mask = {
      allows: (token: number) => token < size && (bits[token >>> 5]! & (1 << (token & 31))) !== 0,
      ends,
      isComplete: count === 0,
    };
    masks.set(state, mask);
    return mask;
  }

  maskOf(0);
  function textAt(start: number): ConstrainedText {
    let state = start;
    return {
      get mask() {
        return maskOf(state);
      },
      push(token) {
        for (const byte of bytesOf(token)) state = automaton.step(state, byte);
        if (state === DEAD) throw new GenerateError(`token ${token} breaks the constraint`);
      },
      copy: () => textAt(state),
    };
  }
  return { start: () => textAt(0) };
}
