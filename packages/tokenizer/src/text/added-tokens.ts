/**
 * Finds added tokens in a text: leftmost first, the longest of several, with the white space that they absorb. Works on
 * UTF-8. Knows nothing of how the text in between is encoded.
 */
import type { AddedToken } from "../json/tokenizer-json.ts";
import { characterClasses, SPACE } from "./character-classes.ts";
import { characterEnd, characterStart, codePointAt } from "./characters.ts";

/** Receives added tokens and the text between them, in order. Pieces of text are never empty. */
interface PieceHandler {
  text(start: number, end: number): void;
  token(id: number): void;
}

/** Splits bytes[start..end) at the added tokens. */
export type TokenSplitter = (bytes: Uint8Array, start: number, end: number, handler: PieceHandler) => void;

interface TrieNode {
  next: Map<number, TrieNode>;
  token?: AddedToken;
}

const WORD_CHARACTER = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const characterIn = (bytes: Uint8Array, start: number, end: number): string =>
  decoder.decode(bytes.subarray(start, end));

const isSpace = (bytes: Uint8Array, start: number): boolean =>
  characterClasses(SPACE)[codePointAt(bytes, start)] === SPACE;

/** Whether neither the character before nor the one after is a word character. */
function isSingleWord(bytes: Uint8Array, start: number, end: number, from: number, to: number): boolean {
  const before = from > start ? characterIn(bytes, characterStart(bytes, from, start), from) : "";
  const after = to < end ? characterIn(bytes, to, characterEnd(bytes, to, end)) : "";
  return !WORD_CHARACTER.test(before) && !WORD_CHARACTER.test(after);
}

function spaceStart(bytes: Uint8Array, start: number, end: number): number {
  let position = end;
  while (position > start) {
    const previous = characterStart(bytes, position, start);
    if (!isSpace(bytes, previous)) break;
    position = previous;
  }
  return position;
}

function spaceEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  while (position < end) {
    const next = characterEnd(bytes, position, end);
    if (!isSpace(bytes, position)) break;
    position = next;
  }
  return position;
}

/** Creates a splitter for these tokens, or undefined if there are none. */
export function createTokenSplitter(tokens: readonly AddedToken[]): TokenSplitter | undefined {
  const root: TrieNode = { next: new Map() };
  const firstBytes = new Uint8Array(256);
  const encoder = new TextEncoder();
  for (const token of tokens) {
    let node = root;
    for (const byte of encoder.encode(token.content)) {
      if (!node.next.has(byte)) node.next.set(byte, { next: new Map() });
      node = node.next.get(byte)!;
    }
    if (node !== root) node.token = token;
  }
  for (const byte of root.next.keys()) firstBytes[byte] = 1;
  if (root.next.size === 0) return undefined;

  return (bytes, start, end, handler) => {
    let textStart = start;
    let position = start;
    while (position < end) {
      if (firstBytes[bytes[position]!] === 0) {
        position++;
        continue;
      }
      let token: AddedToken | undefined;
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
      if (token.single_word && !isSingleWord(bytes, start, end, from, tokenEnd)) continue;
      const pieceEnd = token.lstrip ? Math.max(spaceStart(bytes, start, from), textStart) : from;
      if (textStart < pieceEnd) handler.text(textStart, pieceEnd);
      handler.token(token.id);
      textStart = token.rstrip ? spaceEnd(bytes, tokenEnd, end) : tokenEnd;
    }
    if (textStart < end) handler.text(textStart, end);
  };
}
