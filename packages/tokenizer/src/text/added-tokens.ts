/**
 * Finds added tokens in a text: leftmost first, the longest of several, with the white space that they absorb. Works on
 * UTF-8. Knows nothing of how the text in between is encoded.
 */
import { characterEnd, characterStart, codePointAt } from "./characters.ts";
import { characterClasses, SPACE, WORD } from "./unicode/character-classes.ts";

/** An added token, and how it matches; see AddedToken. */
export interface TokenPattern {
  id: number;
  pattern: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  special: boolean;
}

/** Receives added tokens and the text between them, in order. Pieces of text are never empty. */
interface PieceHandler {
  text(start: number, end: number): void;
  token(id: number): void;
}

/** Splits bytes[start..end) at the added tokens. If `kept` is given, other special tokens are text like any other. */
export type TokenSplitter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  handler: PieceHandler,
  kept: ReadonlySet<number> | undefined,
) => void;

interface TrieNode {
  next: Map<number, TrieNode>;
  token?: TokenPattern;
}

const isIn = (kind: number, bytes: Uint8Array, start: number): boolean =>
  characterClasses(kind)[codePointAt(bytes, start)] === kind;

/** Whether neither the character before nor the one after is a word character. */
function isSingleWord(bytes: Uint8Array, start: number, end: number, from: number, to: number): boolean {
  const isWordBefore = from > start && isIn(WORD, bytes, characterStart(bytes, from, start));
  const isWordAfter = to < end && isIn(WORD, bytes, to);
  return !isWordBefore && !isWordAfter;
}

function spaceStart(bytes: Uint8Array, start: number, end: number): number {
  let position = end;
  while (position > start) {
    const previous = characterStart(bytes, position, start);
    if (!isIn(SPACE, bytes, previous)) break;
    position = previous;
  }
  return position;
}

function spaceEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  while (position < end) {
    const next = characterEnd(bytes, position, end);
    if (!isIn(SPACE, bytes, position)) break;
    position = next;
  }
  return position;
}

/** Creates a splitter for these tokens, or undefined if there are none. */
export function createTokenSplitter(tokens: readonly TokenPattern[]): TokenSplitter | undefined {
  const root: TrieNode = { next: new Map() };
  const firstBytes = new Uint8Array(256);
  const encoder = new TextEncoder();
  for (const token of tokens) {
    let node = root;
    for (const byte of encoder.encode(token.pattern)) {
      if (!node.next.has(byte)) node.next.set(byte, { next: new Map() });
      node = node.next.get(byte)!;
    }
    if (node !== root) node.token = token;
  }
  for (const byte of root.next.keys()) firstBytes[byte] = 1;
  if (root.next.size === 0) return undefined;

  return (bytes, start, end, handler, kept) => {
    let textStart = start;
    let position = start;
    while (position < end) {
      if (firstBytes[bytes[position]!] === 0) {
        position++;
        continue;
      }
      let token: TokenPattern | undefined;
      let tokenEnd = position;
      let node = root.next.get(bytes[position]!);
      for (let at = position + 1; node; node = at < end ? node.next.get(bytes[at++]!) : undefined) {
        if (node.token) {
          token = node.token;
          tokenEnd = at;
        }
      }
      if (!token) {
        position++;
        continue;
      }
      const from = position;
      position = tokenEnd;
      if (kept && token.special && !kept.has(token.id)) continue;
      if (token.single_word && !isSingleWord(bytes, start, end, from, tokenEnd)) continue;
      const stop = token.rstrip ? spaceEnd(bytes, tokenEnd, end) : tokenEnd;
      // It would be empty, since the token before has absorbed all of it.
      if (token.lstrip && textStart >= stop) continue;
      const pieceEnd = token.lstrip ? Math.max(spaceStart(bytes, start, from), textStart) : from;
      if (textStart < pieceEnd) handler.text(textStart, pieceEnd);
      handler.token(token.id);
      textStart = stop;
    }
    if (textStart < end) handler.text(textStart, end);
  };
}
