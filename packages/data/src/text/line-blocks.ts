/**
 * Cuts bytes into blocks of lines that are valid UTF-8, each with the number of its first line. Reports invalid lines one by
 * one. Blocks are bounded, so a file of any size streams.
 */
import { isUtf8 } from "node:buffer";
import { DataError } from "../errors.ts";
import type { BadLineHandler, LineStart, ReaderOptions } from "./document.ts";

/** Valid UTF-8 that starts at line `line` of its file, from 1. */
export interface LineBlock {
  bytes: Buffer;
  line: number;
  /** Where it, and maybe blocks before it, start in the file; with `wholeLines` the beginning of a line. */
  start: LineStart;
}

/** A line is held as bytes, as text, and as the value that it is parsed to. */
const LONGEST_LINE = 1 << 27;
const PIECE_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/**
 * @param options.wholeLines true: a line never spans two blocks and has at most 128 MB. False: a long line is cut between
 *   characters, and only its invalid piece is skipped
 * @param options.keepLineCount yields an empty line for each skipped one
 */
export async function* readLineBlocks(
  chunks: AsyncIterable<Buffer>,
  options: Pick<ReaderOptions, "source" | "onBadLine" | "from" | "onStart"> & {
    wholeLines: boolean;
    keepLineCount?: boolean;
  },
): AsyncGenerator<LineBlock> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let { offset, line } = options.from ?? { offset: 0, line: 1 };
  let atStart = offset === 0;
  function* take(bytes: Buffer): Generator<LineBlock> {
    const start = { offset, line };
    options.onStart?.();
    const body = atStart && bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
    atStart = false;
    if (!isUtf8(body)) yield* validLines(body, start, options);
    else if (body.length > 0) yield { bytes: body, line, start };
    line += countNewlines(bytes);
    offset += bytes.length;
  }
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield* take(Buffer.concat([...pending, chunk.subarray(0, end)]));
      pending = [chunk.subarray(end)];
      pendingBytes = chunk.length - end;
      continue;
    }
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (options.wholeLines && pendingBytes > LONGEST_LINE)
      throw new DataError(`is longer than ${LONGEST_LINE >> 20} MB`, { source: options.source, line });
    if (options.wholeLines || pendingBytes < PIECE_BYTES) continue;
    const bytes = Buffer.concat(pending);
    const cut = lastCharacterBoundary(bytes);
    yield* take(bytes.subarray(0, cut));
    pending = [bytes.subarray(cut)];
    pendingBytes = bytes.length - cut;
  }
  if (pendingBytes > 0) yield* take(Buffer.concat(pending));
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

function* validLines(
  bytes: Buffer,
  blockStart: LineStart,
  options: { source: string; onBadLine: BadLineHandler; keepLineCount?: boolean },
): Generator<LineBlock> {
  let { line } = blockStart;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const slice = bytes.subarray(start, end);
    start = end;
    if (isUtf8(slice)) {
      yield { bytes: slice, line, start: blockStart };
      continue;
    }
    const wide = line === 1 && /^(\xff\xfe|\xfe\xff)/.test(slice.toString("latin1", 0, 2));
    const advice = wide ? " (looks like UTF-16: convert it to UTF-8)" : "";
    options.onBadLine(new DataError(`invalid UTF-8${advice}`, { source: options.source, line }));
    if (options.keepLineCount) yield { bytes: Buffer.from("\n"), line, start: blockStart };
  }
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The end of the last complete UTF-8 character, or of the bytes where none is found. */
function lastCharacterBoundary(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
