/**
 * Writes an indexed dataset in constant memory. Tokens, lengths and boundaries go to three temporary files next to the
 * output; `seal` builds the index from them, `publish` renames. The output is not touched before that.
 */
import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { DataError, writingTo } from "../errors.ts";
import { appendTo, bytesOf } from "../files/append-file.ts";
import { partialPath } from "./dataset-paths.ts";
import { type TokenType, tokenType } from "./format.ts";
import { writeIndex } from "./index-writer.ts";

/** What a writer has written so far: enough to resume after an interruption. */
export interface WriterPosition {
  tokens: number;
  sequences: number;
  documents: number;
  /** Tokens in the current sequence. */
  openTokens: number;
}

/** Writes one dataset. */
export interface IndexedDatasetWriter {
  /**
   * Adds tokens to the current sequence.
   * @throws DataError for one outside the range of the element type
   */
  append(tokens: ArrayLike<number>): void;
  endSequence(): void;
  endDocument(): void;
  /** Adds a document of one sequence, or of several with these lengths. */
  addDocument(tokens: ArrayLike<number>, lengths?: readonly number[]): void;
  readonly position: WriterPosition;
  /** Flushes everything to disk. The returned position can be passed as `resume`. */
  sync(): WriterPosition;
  /**
   * Writes the index and closes the files, which keep their temporary names.
   * @param cuts numbers of tokens, ascending, before which a document ends inside one that was added
   */
  seal(cuts?: readonly number[]): void;
  /** Renames the two files and removes the others. */
  publish(): void;
  /** Seals and publishes. */
  finish(): void;
  /** Closes the files, so that a later writer can resume from the last `sync`. */
  close(): void;
  /** Closes and removes the files. */
  abort(): void;
}

const ranges: Partial<Record<TokenType, [number, number]>> = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  u16: [0, 0xffff],
  i32: [-0x80000000, 0x7fffffff],
};
const arrays = { u8: Uint8Array, i8: Int8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array };

/** Temporary names of a dataset while it is written. */
export function partialPaths(prefix: string) {
  return {
    bin: partialPath(prefix, "bin"),
    idx: partialPath(prefix, "idx"),
    lengths: partialPath(prefix, "lengths"),
    boundaries: partialPath(prefix, "boundaries"),
  };
}

/**
 * Creates the temporary files of a dataset, or reopens them.
 * @param prefix path of the files without `.bin` and `.idx`; missing directories are created
 * @param options.type how tokens are stored; `tokenTypeFor(vocabularySize)` is Megatron's choice
 * @param options.resume a position from `sync`; whatever was written after it is discarded
 * @throws DataError or StorageError where the files cannot be written
 */
export function createIndexedDatasetWriter(
  prefix: string,
  options: { type: keyof typeof arrays; resume?: WriterPosition },
): IndexedDatasetWriter {
  const type = tokenType(options.type);
  const [lowest, highest] = ranges[options.type]!;
  const paths = partialPaths(prefix);
  let { tokens, sequences, documents, openTokens } = options.resume ?? {
    tokens: 0,
    sequences: 0,
    documents: 0,
    openTokens: 0,
  };
  writingTo(dirname(prefix), () => makeDirectory(dirname(prefix)));
  const bin = appendTo(paths.bin, tokens * type.bytes);
  const lengths = appendTo(paths.lengths, sequences * 4);
  const boundaries = appendTo(paths.boundaries, options.resume ? (documents + 1) * 8 : 0);
  if (boundaries.length === 0) boundaries.append(bytesOf(BigInt64Array.of(0n)));
  const position = (): WriterPosition => ({ tokens, sequences, documents, openTokens });

  const append = (values: ArrayLike<number>, start = 0, end = values.length) => {
    const stored = new arrays[options.type](end - start);
    for (let i = 0; i < stored.length; i++) {
      const value = values[start + i]!;
      if (!(value >= lowest && value <= highest && Number.isInteger(value)))
        throw new DataError(`token ${value} is out of range for ${options.type} (${lowest} to ${highest})`);
      stored[i] = value;
    }
    bin.append(bytesOf(stored));
    tokens += stored.length;
    openTokens += stored.length;
    if (openTokens > 0x7fffffff)
      throw new DataError(
        "a sequence has more than 2^31 - 1 tokens, the most that the format allows: split the document",
      );
  };
  const endSequence = () => {
    lengths.append(bytesOf(Int32Array.of(openTokens)));
    sequences++;
    openTokens = 0;
  };
  const endDocument = () => {
    boundaries.append(bytesOf(BigInt64Array.of(BigInt(sequences))));
    documents++;
  };
  const seal = (cuts: readonly number[] = []) => {
    if (openTokens > 0) throw new Error("the last sequence was not ended");
    for (const file of [bin, lengths, boundaries]) {
      file.sync();
      file.close();
    }
    writeIndex(paths, { type, sequences, documents, cuts });
  };
  const publish = () => publishPartial(prefix);
  const close = () => {
    for (const file of [bin, lengths, boundaries]) file.abandon();
  };
  return {
    append: (values) => append(values),
    endSequence,
    endDocument,
    addDocument(values, sizes = [values.length]) {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      if (total !== values.length)
        throw new DataError(`sequence lengths sum to ${total}, but the document has ${values.length} tokens`);
      let start = 0;
      for (const size of sizes) {
        append(values, start, start + size);
        endSequence();
        start += size;
      }
      endDocument();
    },
    get position() {
      return position();
    },
    sync() {
      for (const file of [bin, lengths, boundaries]) file.sync();
      return position();
    },
    seal,
    publish,
    finish() {
      seal();
      publish();
    },
    close,
    abort() {
      close();
      for (const path of Object.values(paths)) rmSync(path, { force: true });
    },
  };
}

/** Renames sealed files into place. Idempotent, so an interrupted call can be repeated. */
export function publishPartial(prefix: string): void {
  const paths = partialPaths(prefix);
  renameIfPresent(paths.bin, `${prefix}.bin`);
  renameIfPresent(paths.idx, `${prefix}.idx`);
  rmSync(paths.lengths, { force: true });
  rmSync(paths.boundaries, { force: true });
}

/** Renames a file, unless it was renamed before. */
export function renameIfPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
