/** Decodes a compressed block of Zstandard (RFC 8878, section 3.1.1.3): literals, then copies from what came before. */
import { buildFseTable, type FseTable, readFseTable, singleSymbolTable } from "./fse.ts";
import { decodeHuffman, type HuffmanTable, lastBit, readHuffmanTable } from "./huffman.ts";

/** Most bytes that a block decodes to. */
export const LARGEST_BLOCK = 1 << 17;

/** What a block takes over from earlier ones of its frame. */
export interface BlockState {
  huffman: HuffmanTable | undefined;
  tables: { literalLengths?: FseTable; offsets?: FseTable; matchLengths?: FseTable };
  repeatedOffsets: [number, number, number];
}

/** The state at the beginning of a frame. */
export const initialBlockState = (): BlockState => ({
  huffman: undefined,
  tables: {},
  repeatedOffsets: [1, 4, 8],
});

/** A block's bytes. Eight more are readable after `end`. */
export interface BlockSource {
  bytes: Uint8Array;
  view: DataView;
  start: number;
  end: number;
}

/** Where a block is decoded to: `bytes` from `position`, which has room for a block. */
export interface BlockTarget {
  bytes: Uint8Array;
  position: number;
  /** Bytes before `position` that may be copied. */
  history: number;
  /** Whether these are all that the frame may refer to. */
  isComplete: boolean;
}

const literals = new Uint8Array(LARGEST_BLOCK);

/**
 * @returns the position after the decoded bytes
 * @throws Error for a block that is damaged, or copies from before its history
 */
export function decodeBlock(source: BlockSource, target: BlockTarget, state: BlockState): number {
  const { count, next } = readLiterals(source, state);
  return decodeSequences({ ...source, start: next }, { ...target, literalCount: count }, state);
}

/** Decodes the literals into `literals`. */
function readLiterals(source: BlockSource, state: BlockState): { count: number; next: number } {
  const { bytes, view, start, end } = source;
  const need = (until: number) => {
    if (until > end) throw new Error("a block that ends early");
  };
  need(start + 1);
  const type = bytes[start]! & 3;
  const format = (bytes[start]! >> 2) & 3;
  if (type < 2) {
    const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    need(start + headerBytes);
    const count =
      format === 1 || format === 3
        ? (view.getUint32(start, true) >>> 4) & (format === 1 ? 0xfff : 0xfffff)
        : bytes[start]! >> 3;
    checkCount(count);
    const at = start + headerBytes;
    const size = type === 0 ? count : 1;
    need(at + size);
    if (type === 0) literals.set(bytes.subarray(at, at + count));
    else literals.fill(bytes[at]!, 0, count);
    return { count, next: at + size };
  }
  const headerBytes = format < 2 ? 3 : format === 2 ? 4 : 5;
  need(start + headerBytes);
  const sizeBits = format < 2 ? 10 : format === 2 ? 14 : 18;
  const mask = (1 << sizeBits) - 1;
  const count = (view.getUint32(start, true) >>> 4) & mask;
  const second = 4 + sizeBits;
  const size = (view.getUint32(start + (second >> 3), true) >>> (second & 7)) & mask;
  checkCount(count);
  const next = start + headerBytes + size;
  need(next);
  let at = start + headerBytes;
  if (type === 2) {
    const read = readHuffmanTable(bytes, view, { start: at, end: next });
    state.huffman = read.table;
    at = read.next;
  }
  const table = state.huffman;
  if (!table) throw new Error("literals without a Huffman table");
  const decode = (from: number, to: number, range: { start: number; end: number }) =>
    decodeHuffman({ bytes, view, ...range }, table, { target: literals, from, to });
  if (format === 0) {
    decode(0, count, { start: at, end: next });
    return { count, next };
  }
  const part = (count + 3) >> 2;
  if (at + 6 > next || 3 * part > count) throw new Error("invalid literals");
  let from = at + 6;
  for (let stream = 0; stream < 4; stream++) {
    const to = stream === 3 ? next : from + view.getUint16(at + 2 * stream, true);
    if (to > next) throw new Error("invalid literals");
    decode(stream * part, stream === 3 ? count : (stream + 1) * part, { start: from, end: to });
    from = to;
  }
  return { count, next };
}

function checkCount(count: number): void {
  if (count > LARGEST_BLOCK) throw new Error("a block that is too large");
}

const literalLengthBits = Uint8Array.of(
  ...[
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
  ],
);
const matchLengthBits = Uint8Array.of(
  ...new Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const baselinesOf = (bits: Uint8Array, first: number) => {
  const baselines = new Uint32Array(bits.length);
  let baseline = first;
  bits.forEach((count, code) => {
    baselines[code] = baseline;
    baseline += 1 << count;
  });
  return baselines;
};
const literalLengthBaselines = baselinesOf(literalLengthBits, 0);
const matchLengthBaselines = baselinesOf(matchLengthBits, 3);

const fields = {
  literalLengths: {
    maxAccuracyLog: 9,
    maxSymbol: 35,
    usual: buildFseTable(
      [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
      6,
    ),
  },
  offsets: {
    maxAccuracyLog: 8,
    maxSymbol: 31,
    usual: buildFseTable(
      [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
      5,
    ),
  },
  matchLengths: {
    maxAccuracyLog: 9,
    maxSymbol: 52,
    usual: buildFseTable([1, 4, 3, 2, 2, 2, 2, 2, 2, ...new Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1], 6),
  },
};

type Field = keyof typeof fields;

interface SequenceTables {
  count: number;
  literalLengths: FseTable;
  offsets: FseTable;
  matchLengths: FseTable;
  /** First byte of the bit stream. */
  next: number;
}

/** Reads the number of sequences and their tables; undefined without sequences. */
function readSequenceTables({ bytes, view, start, end }: BlockSource, state: BlockState): SequenceTables | undefined {
  let at = start;
  const need = () => {
    if (at > end) throw new Error("a block that ends early");
  };
  let count = bytes[at++]!;
  need();
  if (count === 0) return undefined;
  if (count === 255) {
    count = view.getUint16(at, true) + 0x7f00;
    at += 2;
  } else if (count > 127) count = ((count - 128) << 8) + bytes[at++]!;
  const modes = bytes[at++]!;
  need();
  if ((modes & 3) !== 0) throw new Error("invalid sequences");
  const readTable = (field: Field, mode: number): FseTable => {
    const { maxAccuracyLog, maxSymbol, usual } = fields[field];
    let table = mode === 0 ? usual : state.tables[field];
    if (mode === 1) {
      const symbol = bytes[at++]!;
      need();
      if (symbol > maxSymbol) throw new Error("invalid sequences");
      table = singleSymbolTable(symbol);
    } else if (mode === 2) {
      const read = readFseTable(bytes, { start: at, end, maxAccuracyLog, maxSymbol });
      at = read.next;
      table = read.table;
    }
    if (!table) throw new Error("sequences without a table");
    state.tables[field] = table;
    return table;
  };
  const literalLengths = readTable("literalLengths", modes >> 6);
  const offsets = readTable("offsets", (modes >> 4) & 3);
  const matchLengths = readTable("matchLengths", (modes >> 2) & 3);
  return { count, literalLengths, offsets, matchLengths, next: at };
}

/** Executes the sequences, then copies the literals that are left. The loop keeps its state in locals, for speed. */
function decodeSequences(
  source: BlockSource,
  { bytes: out, position, history, isComplete, literalCount }: BlockTarget & { literalCount: number },
  state: BlockState,
): number {
  const { bytes, view, end } = source;
  const limit = position + LARGEST_BLOCK;
  const tables = readSequenceTables(source, state);
  let to = position;
  let from = 0;
  if (tables) {
    const { count, next } = tables;
    const { symbols: literalSymbols, bits: literalBits, baselines: literalBases } = tables.literalLengths;
    const { symbols: offsetSymbols, bits: offsetBits, baselines: offsetBases } = tables.offsets;
    const { symbols: matchSymbols, bits: matchBits, baselines: matchBases } = tables.matchLengths;
    const first = 8 * next;
    let bit = lastBit(bytes, { start: next, end });
    bit -= tables.literalLengths.accuracyLog;
    let literalState = bitsAt(view, bit, tables.literalLengths.accuracyLog);
    bit -= tables.offsets.accuracyLog;
    let offsetState = bitsAt(view, bit, tables.offsets.accuracyLog);
    bit -= tables.matchLengths.accuracyLog;
    let matchState = bitsAt(view, bit, tables.matchLengths.accuracyLog);
    let [offset1, offset2, offset3] = state.repeatedOffsets;
    for (let left = count; left > 0; left--) {
      const offsetCode = offsetSymbols[offsetState]!;
      const matchCode = matchSymbols[matchState]!;
      const literalCode = literalSymbols[literalState]!;
      let offset: number;
      if (offsetCode > 24) {
        // More than bitsAt can read at once.
        bit -= offsetCode - 16;
        const high = bitsAt(view, bit, offsetCode - 16);
        bit -= 16;
        offset = 2 ** offsetCode + high * 0x10000 + bitsAt(view, bit, 16);
      } else {
        bit -= offsetCode;
        offset = (1 << offsetCode) + bitsAt(view, bit, offsetCode);
      }
      let matchLength = matchLengthBaselines[matchCode]!;
      if (matchCode > 31) {
        bit -= matchLengthBits[matchCode]!;
        matchLength += bitsAt(view, bit, matchLengthBits[matchCode]!);
      }
      let literalLength = literalLengthBaselines[literalCode]!;
      if (literalCode > 15) {
        bit -= literalLengthBits[literalCode]!;
        literalLength += bitsAt(view, bit, literalLengthBits[literalCode]!);
      }
      if (left > 1) {
        bit -= literalBits[literalState]!;
        literalState = literalBases[literalState]! + bitsAt(view, bit, literalBits[literalState]!);
        bit -= matchBits[matchState]!;
        matchState = matchBases[matchState]! + bitsAt(view, bit, matchBits[matchState]!);
        bit -= offsetBits[offsetState]!;
        offsetState = offsetBases[offsetState]! + bitsAt(view, bit, offsetBits[offsetState]!);
      }
      if (bit < first) throw new Error("sequences that end early");
      if (offset > 3) {
        offset -= 3;
        offset3 = offset2;
        offset2 = offset1;
        offset1 = offset;
      } else {
        const repeat = literalLength === 0 ? offset + 1 : offset;
        if (repeat > 1) {
          offset = repeat === 2 ? offset2 : repeat === 3 ? offset3 : offset1 - 1;
          if (repeat > 2) offset3 = offset2;
          offset2 = offset1;
          offset1 = offset;
        } else offset = offset1;
      }
      if (from + literalLength > literalCount || to + literalLength + matchLength > limit)
        throw new Error("a block that is too large");
      if (literalLength < 32) for (let i = 0; i < literalLength; i++) out[to + i] = literals[from + i]!;
      else out.set(literals.subarray(from, from + literalLength), to);
      to += literalLength;
      from += literalLength;
      if (offset < 1 || offset > to - position + history)
        throw new Error(
          isComplete
            ? "a copy from before the beginning"
            : `a copy from more than ${history >> 20} MB back, which is not kept for an input that expands this much`,
        );
      const copied = to - offset;
      if (matchLength > 64 && offset >= matchLength) out.copyWithin(to, copied, copied + matchLength);
      else if (offset === 1) out.fill(out[copied]!, to, to + matchLength);
      else for (let i = 0; i < matchLength; i++) out[to + i] = out[copied + i]!;
      to += matchLength;
    }
    if (bit !== first) throw new Error("sequences that end late");
    state.repeatedOffsets = [offset1, offset2, offset3];
  }
  const rest = literalCount - from;
  if (to + rest > limit) throw new Error("a block that is too large");
  out.set(literals.subarray(from, literalCount), to);
  return to + rest;
}

/** Up to 25 bits from a position; 0 before the beginning, which callers notice by the position. */
function bitsAt(view: DataView, bit: number, count: number): number {
  return bit < 0 ? 0 : (view.getUint32(bit >> 3, true) >>> (bit & 7)) & ((1 << count) - 1);
}
