/**
 * Writes an `.idx` file from the lengths and boundaries that a writer collected, in constant memory. May cut documents on the
 * way, at numbers of tokens.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { appendTo, bytesOf } from "../files/append-file.ts";
import { readExactly } from "../files/read-exactly.ts";
import { encodeHeader, type TokenTypeInfo } from "./format.ts";

/** What the index describes. */
export interface IndexContent {
  type: TokenTypeInfo;
  sequences: number;
  documents: number;
  /** Numbers of tokens, ascending, before which a document ends inside one of these. */
  cuts: readonly number[];
}

/** A cut, by sequences. */
interface SequenceCut {
  /** Sequences that are complete before it. */
  sequence: number;
  /** Tokens of the next sequence before it; 0 where it is between two sequences. */
  offset: number;
}

/** @param paths of the temporary files of a dataset */
export function writeIndex(
  paths: { idx: string; lengths: string; boundaries: string },
  { type, sequences, documents, cuts }: IndexContent,
): void {
  const found = locate(paths.lengths, cuts);
  const splits = found.filter(({ offset }) => offset > 0);
  const index = appendTo(paths.idx);
  index.append(encodeHeader({ type, sequences: sequences + splits.length, boundaries: documents + cuts.length + 1 }));
  for (const lengths of sequenceLengths(paths.lengths, splits)) index.append(bytesOf(lengths));
  let offset = 0n;
  for (const lengths of sequenceLengths(paths.lengths, splits)) {
    const offsets = new BigInt64Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      offsets[i] = offset;
      offset += BigInt(lengths[i]! * type.bytes);
    }
    index.append(bytesOf(offsets));
  }
  for (const boundaries of documentBoundaries(paths.boundaries, found)) index.append(bytesOf(boundaries));
  index.sync();
  index.close();
}

function locate(lengthsPath: string, cuts: readonly number[]): SequenceCut[] {
  const found: SequenceCut[] = [];
  let [sequence, start] = [0, 0];
  for (const lengths of chunksOf(lengthsPath, Int32Array)) {
    if (found.length === cuts.length) break;
    for (const length of lengths) {
      for (let cut = cuts[found.length]; cut !== undefined && cut < start + length; cut = cuts[found.length])
        found.push({ sequence, offset: cut - start });
      start += length;
      sequence++;
    }
  }
  if (found.length < cuts.length) throw new RangeError(`cut at token ${cuts[found.length]} of ${start}`);
  return found;
}

/** Lengths of all sequences; those with a cut inside become several. */
function* sequenceLengths(path: string, splits: readonly SequenceCut[]): Generator<Int32Array> {
  let first = 0;
  for (const lengths of chunksOf(path, Int32Array)) {
    const own = splits.filter(({ sequence }) => sequence >= first && sequence < first + lengths.length);
    yield own.length === 0
      ? lengths
      : Int32Array.from([...lengths].flatMap((length, i) => parts(length, own, first + i)));
    first += lengths.length;
  }
}

function parts(length: number, splits: readonly SequenceCut[], sequence: number): number[] {
  const offsets = splits.filter((cut) => cut.sequence === sequence).map(({ offset }) => offset);
  const bounds = [0, ...offsets, length];
  return bounds.slice(1).map((bound, i) => bound - bounds[i]!);
}

/** Boundaries of all documents, in sequences, with those of the cuts. */
function* documentBoundaries(path: string, cuts: readonly SequenceCut[]): Generator<BigInt64Array> {
  /** Sequences before a cut: those before it, and the parts of sequences that earlier cuts and it made. */
  const added = cuts.map(
    ({ sequence, offset }, i) =>
      sequence + cuts.slice(0, i).filter((cut) => cut.offset > 0).length + (offset > 0 ? 1 : 0),
  );
  let next = 0;
  for (const boundaries of chunksOf(path, BigInt64Array)) {
    const values: bigint[] = [];
    for (const boundary of boundaries) {
      const before = cuts.filter(({ sequence, offset }) => offset > 0 && sequence < boundary).length;
      const moved = boundary + BigInt(before);
      for (; next < added.length && BigInt(added[next]!) < moved; next++) values.push(BigInt(added[next]!));
      values.push(moved);
    }
    yield cuts.length === 0 ? boundaries : BigInt64Array.from(values);
  }
}

type IntegerArray = typeof Int32Array | typeof BigInt64Array;

/** The numbers in a file, about a megabyte at a time. */
function* chunksOf<Type extends IntegerArray>(path: string, Type: Type): Generator<InstanceType<Type>> {
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    const bytes = 1 << 20;
    for (let position = 0; position < size; position += bytes) {
      const chunk = new Uint8Array(Math.min(bytes, size - position));
      readExactly(descriptor, chunk, position, path);
      yield new Type(chunk.buffer) as InstanceType<Type>;
    }
  } finally {
    closeSync(descriptor);
  }
}
