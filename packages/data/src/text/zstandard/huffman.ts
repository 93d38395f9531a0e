/** Huffman codes of Zstandard's literals (RFC 8878, section 4.2): reads their descriptions, and decodes streams. */
import { readFseTable } from "./fse.ts";

const MOST_BITS = 11;

/** A decoding table of 2^bits entries: the symbol, and the length of its code times 256. */
export interface HuffmanTable {
  bits: number;
  entries: Uint16Array;
}

/**
 * Reads the description of a table.
 * @returns the table, and the byte after its description
 * @throws Error for a description that is invalid or ends after byte `end`
 */
export function readHuffmanTable(
  source: Uint8Array,
  view: DataView,
  { start, end }: { start: number; end: number },
): { table: HuffmanTable; next: number } {
  const header = source[start]!;
  const packed = header < 128;
  const next = start + 1 + (packed ? header : (header - 126) >> 1);
  if (next > end) throw new Error("an invalid Huffman table");
  const weights = packed
    ? readWeights(source, view, { start: start + 1, end: next })
    : Array.from({ length: header - 127 }, (_, i) => {
        const byte = source[start + 1 + (i >> 1)]!;
        return i % 2 === 0 ? byte >> 4 : byte & 15;
      });
  return { table: buildTable(weights), next };
}

/** Weights that are compressed with two states of one table. */
function readWeights(source: Uint8Array, view: DataView, { start, end }: { start: number; end: number }): number[] {
  const { table, next } = readFseTable(source, { start, end, maxAccuracyLog: 6, maxSymbol: 15 });
  const { accuracyLog, symbols, bits, baselines } = table;
  let position = lastBit(source, { start: next, end });
  const read = (count: number) => {
    position -= count;
    // Bits before the beginning are zeros.
    const from = Math.max(position, 8 * next);
    const missing = Math.min(from - position, count);
    return ((view.getUint32(from >> 3, true) >>> (from & 7)) & ((1 << (count - missing)) - 1)) << missing;
  };
  const states = [read(accuracyLog), read(accuracyLog)];
  const weights: number[] = [];
  for (let turn = 0; weights.length < 255; turn ^= 1) {
    const state = states[turn]!;
    weights.push(symbols[state]!);
    states[turn] = baselines[state]! + read(bits[state]!);
    if (position >= 8 * next) continue;
    weights.push(symbols[states[turn ^ 1]!]!);
    return weights;
  }
  throw new Error("too many Huffman weights");
}

/** Weights of all symbols but the last, whose weight follows from them. */
function buildTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MOST_BITS) throw new Error("an invalid Huffman table");
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0) throw new Error("an invalid Huffman table");
  const bits = 32 - Math.clz32(sum);
  const rest = (1 << bits) - sum;
  if (bits > MOST_BITS || (rest & (rest - 1)) !== 0) throw new Error("an invalid Huffman table");
  const all = [...weights, 32 - Math.clz32(rest)];
  const entries = new Uint16Array(1 << bits);
  let position = 0;
  for (let weight = 1; weight <= bits; weight++) {
    const span = 1 << (weight - 1);
    for (let symbol = 0; symbol < all.length; symbol++) {
      if (all[symbol] !== weight) continue;
      entries.fill(symbol | ((bits + 1 - weight) << 8), position, position + span);
      position += span;
    }
  }
  return { bits, entries };
}

/** Position of the highest bit set in the last byte: streams are read from there to their beginning. */
export function lastBit(source: Uint8Array, { start, end }: { start: number; end: number }): number {
  const last = end > start ? source[end - 1]! : 0;
  if (last === 0) throw new Error("an invalid bit stream");
  return 8 * end - 1 - (Math.clz32(last) - 24);
}

/**
 * Decodes one stream into `target` from `from` to `to`.
 * @throws Error for a stream that does not end there
 */
export function decodeHuffman(
  source: { bytes: Uint8Array; view: DataView; start: number; end: number },
  { bits, entries }: HuffmanTable,
  { target, from, to }: { target: Uint8Array; from: number; to: number },
): void {
  const { view, start } = source;
  const first = 8 * start;
  const mask = (1 << bits) - 1;
  let position = lastBit(source.bytes, source);
  let at = from;
  // Two symbols have at most 22 bits, and four bytes at least 25.
  for (const pairs = to - 1; at < pairs && position - 2 * bits >= first; ) {
    const low = position - 2 * bits;
    const window = view.getUint32(low >> 3, true) >>> (low & 7);
    const one = entries[(window >>> bits) & mask]!;
    const length = one >> 8;
    const two = entries[(window >>> (bits - length)) & mask]!;
    target[at++] = one;
    target[at++] = two;
    position -= length + (two >> 8);
  }
  while (at < to) {
    const low = position - bits;
    const index = low >= first ? view.getUint32(low >> 3, true) >>> (low & 7) : tail(view, { first, position, bits });
    const entry = entries[index & mask]!;
    target[at++] = entry;
    position -= entry >> 8;
    if (position < first) throw new Error("a Huffman stream that ends early");
  }
  if (position !== first) throw new Error("a Huffman stream that ends late");
}

/** The last bits of a stream, with zeros for those before its beginning. */
function tail(view: DataView, { first, position, bits }: { first: number; position: number; bits: number }): number {
  const left = position - first;
  const value = (view.getUint32(first >> 3, true) >>> (first & 7)) & ((1 << left) - 1);
  return value << (bits - left);
}
