/**
 * Lists and reads the zip archives that torch.save writes, in a file or in a part of one. Entries are stored, not
 * compressed; what is read is checked against the entry's CRC.
 */
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import { shown, userError } from "../errors.ts";
import { type OpenFile, readExactly } from "../read-exactly.ts";

/** Where an archive is in its file. */
export interface ZipRange {
  offset: number;
  length: number;
}

/** An entry, by its position in the file. */
export interface ZipEntry {
  name: string;
  /** Of the local header, from the start of the file. */
  headerOffset: number;
  size: number;
  crc32: number;
}

/** Gives yauzl a part of an open file. It asks for the index only, in small pieces: by its own way, each would be four streams. */
class PartReader extends yauzl.RandomAccessReader {
  readonly #file: OpenFile;
  readonly #offset: number;
  readonly #length: number;

  constructor(file: OpenFile, { offset, length }: ZipRange) {
    super();
    this.#file = file;
    this.#offset = offset;
    this.#length = length;
  }

  override read(buffer: Buffer, at: number, length: number, start: number, done: (error: Error | null) => void): void {
    let failure: Error | null = null;
    try {
      if (start < 0 || start + length > this.#length)
        throw new Error(`bytes ${start} to ${start + length} are outside of it`);
      buffer.set(readExactly(this.#file, this.#offset + start, length), at);
    } catch (error) {
      failure = error as Error;
    }
    // Not at once: yauzl would recurse from entry to entry.
    process.nextTick(done, failure);
  }
}

/**
 * Lists the entries of an archive.
 * @throws CheckpointError if it is not an archive, or not one that torch.save writes
 */
export function listZip(file: OpenFile, { offset, length }: ZipRange): Promise<Map<string, ZipEntry>> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(userError(`${file.path}: damaged zip archive (${shown(error.message)})`));
    const options = { lazyEntries: false, autoClose: false };
    yauzl.fromRandomAccessReader(new PartReader(file, { offset, length }), length, options, (error, zip) => {
      if (error) return fail(error);
      const entries = new Map<string, ZipEntry>();
      zip.on("entry", (entry: yauzl.Entry) => {
        const { fileName: name, compressionMethod, uncompressedSize: size, relativeOffsetOfLocalHeader } = entry;
        if (compressionMethod !== 0) return reject(userError(`${file.path}: ${shown(name)} is compressed`));
        if (relativeOffsetOfLocalHeader + size > length)
          return reject(userError(`${file.path}: ${shown(name)} is truncated`));
        const headerOffset = offset + relativeOffsetOfLocalHeader;
        entries.set(name, { name, headerOffset, size, crc32: entry.crc32 });
      });
      zip.on("end", () => resolve(entries));
      zip.on("error", fail);
    });
  });
}

/** The bytes of an entry, once its CRC has been checked. */
export interface EntryReader {
  readonly size: number;
  /** Bytes `from` up to `to`, aligned for any typed array. Throws a CheckpointError for a damaged entry. */
  read(from: number, to: number): Uint8Array;
}

const LOCAL_HEADER = 0x04034b50;
const CRC_CHUNK = 2 ** 24;

/** Opens an entry. Nothing is read before the first call of `read`, which checks all of it. */
export function openEntry(file: OpenFile, { name, headerOffset, size, crc32: expected }: ZipEntry): EntryReader {
  let start: number | undefined;

  function damaged() {
    return userError(`${file.path}: ${shown(name)} is damaged: its checksum is wrong`);
  }

  /** Position of the entry's bytes: after a header of 30 bytes, its name and an extra field. */
  function findStart(): number {
    const header = readExactly(file, headerOffset, 30);
    const view = new DataView(header.buffer);
    if (view.getUint32(0, true) !== LOCAL_HEADER)
      throw userError(`${file.path}: ${shown(name)} is not where the index says`);
    return headerOffset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  }

  function check(from: number): void {
    let crc = 0;
    for (let done = 0; done < size; done += CRC_CHUNK) {
      crc = crc32(readExactly(file, from + done, Math.min(CRC_CHUNK, size - done)), crc);
    }
    if (crc !== expected) throw damaged();
  }

  return {
    size,
    read(from, to) {
      if (start === undefined) {
        const found = findStart();
        if (from === 0 && to === size) {
          const bytes = readExactly(file, found, size);
          if (crc32(bytes) !== expected) throw damaged();
          start = found;
          return bytes;
        }
        check(found);
        start = found;
      }
      return readExactly(file, start + from, to - from);
    },
  };
}
