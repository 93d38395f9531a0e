/**
 * Opens an indexed dataset and reads ranges of its sequences by position, without loading the file: caching is left to the
 * operating system's page cache. Does not know about samples.
 */
import { closeSync } from "node:fs";
import { DataError } from "../errors.ts";
import { openForReading } from "../files/open-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import { type DatasetPaths, datasetPaths } from "./dataset-paths.ts";
import type { TokenType } from "./format.ts";
import { readIndexFile } from "./index-file.ts";

/** Tokens as they are stored. */
export type TokenArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float64Array
  | Float32Array
  | Uint16Array;

/** An open dataset. Sequences and documents are numbered from 0; sizes are in tokens. */
export interface IndexedDataset {
  /** Path of the two files without `.bin` and `.idx`. */
  readonly prefix: string;
  readonly type: TokenType;
  readonly sequences: number;
  readonly documents: number;
  readonly tokens: number;
  /** Length of each sequence. */
  readonly lengths: Int32Array;
  /** First sequence of document 0 to `documents`, inclusive. Document d ends where document d + 1 begins. */
  firstSequenceOf(document: number): number;
  /** Number of tokens before sequence 0 to `sequences`, inclusive. */
  startOf(sequence: number): number;
  /**
   * The tokens of a sequence, or `length` of them from `offset`.
   * @throws DataError for a stored value that is not a 32-bit integer
   */
  read(sequence: number, range?: { offset?: number; length?: number }): Int32Array;
  /** Fills `target` with tokens from position `start` of the dataset, across sequences. */
  readStream(start: number, target: Int32Array): void;
  /** The tokens of a sequence in the type in which they are stored. */
  readRaw(sequence: number): TokenArray;
  close(): void;
}

/**
 * Opens `<prefix>.bin` and `<prefix>.idx` of any element type; checks the header, lengths, offsets and boundaries. Takes four
 * bytes of memory for each sequence.
 * @throws DataError for files that are missing or damaged
 */
export function openIndexedDataset(prefix: string, paths: DatasetPaths = datasetPaths(prefix)): IndexedDataset {
  const index = readIndexFile(paths.idx);
  const binPath = paths.bin;
  const { type } = index;
  const { descriptor, size } = openForReading(binPath);
  if (size !== index.tokens * type.bytes) {
    closeSync(descriptor);
    const state = size < index.tokens * type.bytes ? "truncated" : "too long";
    const expected = `expected ${index.tokens} tokens of ${type.bytes} bytes, as its index has`;
    throw new DataError(`is ${state}: ${size} bytes, ${expected}`, { source: binPath });
  }
  const raw = (start: number, count: number): TokenArray => {
    const bytes = new Uint8Array(count * type.bytes);
    readExactly(descriptor, bytes, start * type.bytes, binPath);
    return view(bytes.buffer, type.name);
  };
  const sequenceRange = (sequence: number, { offset = 0, length }: { offset?: number; length?: number } = {}) => {
    const whole = index.lengths[sequence];
    const count = length ?? (whole ?? 0) - offset;
    if (whole === undefined || offset < 0 || count < 0 || offset + count > whole)
      throw new RangeError(`tokens ${offset} to ${offset + count} of sequence ${sequence} are outside of ${prefix}`);
    return { start: index.startOf(sequence) + offset, count };
  };
  return {
    prefix,
    type: type.name,
    sequences: index.sequences,
    documents: index.documents,
    tokens: index.tokens,
    lengths: index.lengths,
    firstSequenceOf: index.firstSequenceOf,
    startOf: index.startOf,
    read(sequence, range) {
      const { start, count } = sequenceRange(sequence, range);
      return toTokens(raw(start, count), { path: binPath, start });
    },
    readStream(start, target) {
      if (start < 0 || start + target.length > index.tokens)
        throw new RangeError(`tokens ${start} to ${start + target.length} are outside of ${prefix}`);
      target.set(toTokens(raw(start, target.length), { path: binPath, start }));
    },
    readRaw(sequence) {
      const { start, count } = sequenceRange(sequence);
      return raw(start, count);
    },
    close: () => closeSync(descriptor),
  };
}

function view(buffer: ArrayBuffer, type: TokenType): TokenArray {
  switch (type) {
    case "u8":
      return new Uint8Array(buffer);
    case "i8":
      return new Int8Array(buffer);
    case "i16":
      return new Int16Array(buffer);
    case "i32":
      return new Int32Array(buffer);
    case "i64":
      return new BigInt64Array(buffer);
    case "f64":
      return new Float64Array(buffer);
    case "f32":
      return new Float32Array(buffer);
    case "u16":
      return new Uint16Array(buffer);
  }
}

function toTokens(values: TokenArray, { path, start }: { path: string; start: number }): Int32Array {
  if (values instanceof Int32Array) return values;
  const tokens = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    tokens[i] = value;
    if (tokens[i] !== value)
      throw new DataError(`has ${value} at token ${start + i}, which is not a token id`, { source: path });
  }
  return tokens;
}
