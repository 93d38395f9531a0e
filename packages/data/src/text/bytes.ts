/** Streams the decompressed bytes of a source. Turns missing files and damaged compressed data into DataErrors. */
import { createReadStream } from "node:fs";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError, fileError } from "../errors.ts";
import { openForReading } from "../files/open-file.ts";
import { checkExpansion, createPacer } from "./pacing.ts";
import type { Compression, TextFormat, TextSource } from "./sources.ts";
import { createZstandardDecoder } from "./zstandard/decoder.ts";

const CHUNK_BYTES = 1 << 20;
const SMALL_BYTES = 1 << 16;

/** An open source. */
export interface OpenSource {
  path: string;
  format: TextFormat;
  compression: Compression;
  /** Decompressed. */
  bytes: AsyncIterable<Buffer>;
}

/**
 * Opens a source. The first bytes of standard input decide its compression, and its format unless one is given: gzip,
 * Zstandard, Parquet, EPUB and WARC by magic numbers, HTML by its first tag, JSONL by an opening brace, otherwise plain text.
 * @param onBytes called with the number of bytes read from the file, before decompression
 * @param offset where to begin in the file, which is not compressed
 */
export async function openSource(
  source: TextSource,
  onBytes?: (count: number) => void,
  offset = 0,
): Promise<OpenSource> {
  let input = 0;
  const raw = counted(
    source.path === "-" ? (process.stdin as AsyncIterable<Buffer>) : fileChunks(source, offset),
    (count) => {
      input += count;
      onBytes?.(count);
    },
  );
  const decompress = (bytes: AsyncIterable<Buffer>, compression: Compression, path: string) =>
    decompressed(bytes, { compression, path, input: () => input });
  if (source.path !== "-") {
    const compression = source.compression ?? "none";
    return { path: source.path, format: source.format!, compression, bytes: decompress(raw, compression, source.path) };
  }
  const outer = await peek(raw, 4);
  const compression = outer.head.readUInt16BE(0) === 0x1f8b ? "gzip" : isZstandard(outer.head) ? "zstd" : "none";
  const path = "standard input";
  const inner = await peek(decompress(outer.all, compression, path), 16);
  if (inner.size === 0) throw new DataError("is empty", { source: path });
  const start = inner.head.toString("latin1");
  const detected = signatures.find(({ pattern }) => pattern.test(start))?.format ?? "txt";
  return { path, format: source.format ?? detected, compression, bytes: inner.all };
}

/**
 * Decompressed chunks, as long as they do not expand beyond all measure.
 * @param options.input number of bytes read so far
 * @throws DataError naming `path` for damaged or truncated data
 */
export function decompressed(
  bytes: AsyncIterable<Buffer>,
  { compression, path, input }: { compression: Compression; path: string; input: () => number },
): AsyncIterable<Buffer> {
  return compression === "none" ? bytes : paced(decompressors[compression](bytes, path), { path, input });
}

const signatures: { pattern: RegExp; format: TextFormat }[] = [
  { pattern: /^PAR1/, format: "parquet" },
  { pattern: /^PK\W\W/, format: "epub" },
  { pattern: /^WARC\/\d/, format: "warc" },
  { pattern: /^(\xef\xbb\xbf)?\s*(<!doctype ht|<html[\s>])/i, format: "html" },
  { pattern: /^(\xef\xbb\xbf)?\s*\{/, format: "jsonl" },
];

const isZstandard = (head: Buffer) => head.readUInt32LE(0) === 0xfd2fb528;

async function* fileChunks({ path, bytes = CHUNK_BYTES }: TextSource, start: number): AsyncGenerator<Buffer> {
  const { descriptor } = openForReading(path);
  // The stream allocates that much for each read: directories of small files need less.
  const highWaterMark = Math.min(CHUNK_BYTES, Math.max(bytes, SMALL_BYTES));
  try {
    yield* createReadStream(path, { fd: descriptor, highWaterMark, start });
  } catch (error) {
    throw fileError(error, path);
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** The first `length` bytes, zero-padded, and the whole stream including them. */
async function peek(chunks: AsyncIterable<Buffer>, length: number) {
  const iterator = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < length) {
    const next = await iterator.next();
    if (next.done) break;
    start = Buffer.concat([start, next.value]);
  }
  const head = Buffer.alloc(length);
  start.copy(head);
  async function* all(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, size: start.length, all: all() };
}

const decompressors = { gzip: gunzipped, zstd: unzstandard };

async function* paced(
  chunks: AsyncIterable<Buffer>,
  { path, input }: { path: string; input: () => number },
): AsyncGenerator<Buffer> {
  const pace = createPacer();
  let output = 0;
  for await (const chunk of chunks) {
    output += chunk.length;
    checkExpansion(path, { input: input(), output });
    yield chunk;
    await pace();
  }
}

async function* gunzipped(raw: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  // Iterating over the stream throws the error that ends the pipeline.
  pipeline(Readable.from(raw), gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith("Z_")) throw error;
    throw new DataError(`damaged or truncated gzip data (${(error as Error).message})`, { source: path, cause: error });
  }
}

async function* unzstandard(raw: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const decoder = await createZstandardDecoder();
  try {
    for await (const chunk of raw) yield* decoder.push(chunk);
    decoder.end();
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = (error as Error).message;
    throw new DataError(`damaged or truncated Zstandard data (${reason})`, { source: path, cause: error });
  }
}

/** Age after which a temporary directory is what a killed process left. */
const A_DAY = 24 * 3600 * 1000;
const TEMPORARY = "megatron-ts-unpacked-";

/** Removes old temporary directories. Those of other users stay. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(TEMPORARY) || name.length !== TEMPORARY.length + 6) continue;
    const path = join(tmpdir(), name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > A_DAY) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Runs `read` on a temporary file with the bytes, for formats that need random access, and removes it afterwards. Also removes
 * what earlier processes left there.
 */
export async function* withTemporaryFile<T>(
  bytes: AsyncIterable<Buffer>,
  read: (path: string) => AsyncIterable<T>,
): AsyncGenerator<T> {
  await removeLeftovers();
  const directory = await mkdtemp(join(tmpdir(), TEMPORARY));
  try {
    const path = join(directory, "contents");
    await writeAll(path, bytes);
    yield* read(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeAll(path: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, "w");
  try {
    for await (const chunk of bytes)
      await file.write(chunk).catch((error) => {
        throw fileError(error, path);
      });
  } finally {
    await file.close();
  }
}
