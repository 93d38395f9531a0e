/** Reads and checks an `.idx` file. Keeps four bytes for each sequence: its length, and every 64th offset. */
import { closeSync, readSync } from "node:fs";
import { DataError } from "../errors.ts";
import { openForReading } from "../files/open-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import { decodeHeader, HEADER_BYTES, type TokenTypeInfo } from "./format.ts";

const CHUNK = 1 << 16;
const STRIDE = 64;
const MOST_SEQUENCES = 2 ** 31;

/** The sequences and documents of a dataset. All sizes are in tokens. */
export interface SequenceIndex {
  readonly type: TokenTypeInfo;
  readonly sequences: number;
  readonly documents: number;
  readonly tokens: number;
  /** Length of each sequence. */
  readonly lengths: Int32Array;
  /** Number of tokens before sequence 0 to `sequences`, inclusive. */
  startOf(sequence: number): number;
  /** First sequence of document 0 to `documents`, inclusive. */
  firstSequenceOf(document: number): number;
}

/**
 * @throws DataError for a file that is not an index or is truncated, a negative length, an offset that is not the sum of the
 *   lengths before it, and boundaries that do not ascend from 0 to the number of sequences
 */
export function readIndexFile(path: string): SequenceIndex {
  const { descriptor, size } = openForReading(path);
  try {
    const start = Buffer.alloc(HEADER_BYTES);
    readSync(descriptor, start, 0, HEADER_BYTES, 0);
    const { type, sequences, boundaries } = decodeHeader(start, size, path);
    if (sequences > MOST_SEQUENCES)
      throw new DataError(`has ${sequences} sequences, more than fit in memory`, { source: path });
    const lengths = new Int32Array(sequences);
    const marks = new Float64Array(Math.floor(sequences / STRIDE) + 1);
    readExactly(descriptor, new Uint8Array(lengths.buffer), HEADER_BYTES, path);
    const tokens = sumLengths(lengths, marks, path);
    checkOffsets(descriptor, lengths, type.bytes, path);
    const firstSequences = readBoundaries(descriptor, sequences, boundaries, path);
    return {
      type,
      sequences,
      documents: boundaries - 1,
      tokens,
      lengths,
      startOf(sequence) {
        let start = marks[Math.floor(sequence / STRIDE)]!;
        for (let i = sequence - (sequence % STRIDE); i < sequence; i++) start += lengths[i]!;
        return start;
      },
      firstSequenceOf: (document) => (firstSequences === "one each" ? document : firstSequences[document]!),
    };
  } finally {
    closeSync(descriptor);
  }
}

function sumLengths(lengths: Int32Array, marks: Float64Array, path: string): number {
  let tokens = 0;
  for (let i = 0; i < lengths.length; i++) {
    if (i % STRIDE === 0) marks[i / STRIDE] = tokens;
    if (lengths[i]! < 0) throw new DataError(`is damaged: sequence ${i} has length ${lengths[i]}`, { source: path });
    tokens += lengths[i]!;
  }
  if (lengths.length % STRIDE === 0) marks[lengths.length / STRIDE] = tokens;
  return tokens;
}

function checkOffsets(descriptor: number, lengths: Int32Array, elementBytes: number, path: string): void {
  let expected = 0;
  forEachInteger(descriptor, { start: HEADER_BYTES + 4 * lengths.length, count: lengths.length, path }, (offset, i) => {
    if (offset !== expected) {
      const message = `is damaged: sequence ${i} starts at byte ${offset}, expected ${expected}`;
      throw new DataError(message, { source: path });
    }
    expected += lengths[i]! * elementBytes;
  });
}

/** Keeps nothing where every document has one sequence, as in most datasets. */
function readBoundaries(descriptor: number, sequences: number, count: number, path: string): Float64Array | "one each" {
  const region = { start: HEADER_BYTES + 12 * sequences, count, path };
  let oneEach = count === sequences + 1;
  let previous = 0;
  forEachInteger(descriptor, region, (boundary, i) => {
    const wrong = i === 0 ? boundary !== 0 : boundary < previous || (i === count - 1 && boundary !== sequences);
    if (wrong) {
      const rule = `expected boundaries to ascend from 0 to ${sequences}, the number of sequences`;
      throw new DataError(`is damaged: document boundary ${i} is ${boundary}; ${rule}`, { source: path });
    }
    oneEach &&= boundary === i;
    previous = boundary;
  });
  if (previous !== sequences)
    throw new DataError(
      `is damaged: its last document boundary is ${previous}, expected ${sequences}, the number of sequences`,
      {
        source: path,
      },
    );
  if (oneEach) return "one each";
  const boundaries = new Float64Array(count);
  forEachInteger(descriptor, region, (boundary, i) => {
    boundaries[i] = boundary;
  });
  return boundaries;
}

/** Calls `visit` with each of `count` little-endian 64-bit integers from byte `start`. */
function forEachInteger(
  descriptor: number,
  { start, count, path }: { start: number; count: number; path: string },
  visit: (value: number, index: number) => void,
): void {
  const chunk = new BigInt64Array(Math.min(CHUNK, count));
  for (let first = 0; first < count; first += CHUNK) {
    const part = chunk.subarray(0, Math.min(CHUNK, count - first));
    readExactly(descriptor, new Uint8Array(part.buffer, 0, part.byteLength), start + 8 * first, path);
    for (let i = 0; i < part.length; i++) visit(Number(part[i]!), first + i);
  }
}
