/** Reads the pages of a column chunk of a Parquet file, one at a time, within the bounds that its headers state. */
import type { FileHandle } from "node:fs/promises";
import type { ColumnMetaData } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { createDecompressor, type Decompress } from "./compression.ts";
import { decodePlain, decodeValues, LARGEST_PAGE_BYTES, MOST_VALUES, type PageContent } from "./page-values.ts";

const HEADER_BYTES = 1 << 16;
const LARGEST_HEADER = 1 << 24;

type PageHeader = ReturnType<typeof parquetHeader>;

/** What is read. */
export interface ColumnChunk {
  file: FileHandle;
  fileSize: number;
  column: ColumnMetaData;
  /** Rows of the row group. */
  rows: number;
  /** Whether rows may have no value. */
  optional: boolean;
  /** Called with the bytes of each page. */
  onBytes?: (count: number) => void;
}

/**
 * Yields the values of each page; null where a row has none.
 * @throws Error for a damaged file
 */
export async function* readColumnChunk(chunk: ColumnChunk): AsyncGenerator<(Uint8Array | null)[]> {
  const { file, fileSize, column, rows, optional, onBytes } = chunk;
  const decompress = await createDecompressor(column.codec);
  const dictionaryOffset = Number(column.dictionary_page_offset ?? 0n);
  const dataOffset = Number(column.data_page_offset);
  let at = dictionaryOffset > 0 ? Math.min(dictionaryOffset, dataOffset) : dataOffset;
  const end = Math.min(at + Number(column.total_compressed_size), fileSize);
  if (!(at >= 0 && at <= end)) throw new Error("a column outside of the file");
  let dictionary: Uint8Array[] | undefined;
  for (let seen = 0; seen < rows; ) {
    if (at >= end) throw new Error(`a column chunk ends after ${seen} of ${rows} rows`);
    const { header, size } = await readHeader(file, at, end);
    checkSizes(header, end - at - size);
    const body = await readRange(file, at + size, at + size + header.compressed_page_size);
    at += size + header.compressed_page_size;
    onBytes?.(size + header.compressed_page_size);
    if (header.type === "DICTIONARY_PAGE") {
      const count = header.dictionary_page_header?.num_values ?? -1;
      checkCount(count);
      dictionary = decodePlain(decompress(body, Number(header.uncompressed_page_size)), count);
    } else if (header.type !== "INDEX_PAGE") {
      const content = pageContent(header, body, { decompress, optional });
      if (content.count > rows - seen) throw new Error(`a page of ${content.count} rows, expected ${rows - seen}`);
      seen += content.count;
      yield decodeValues(content, dictionary);
    }
  }
}

function pageContent(
  header: PageHeader,
  body: Uint8Array,
  { decompress, optional }: { decompress: Decompress; optional: boolean },
): PageContent {
  const uncompressed = Number(header.uncompressed_page_size);
  const { data_page_header: first, data_page_header_v2: second } = header;
  if (header.type === "DATA_PAGE" && first) {
    checkCount(first.num_values);
    const page = decompress(body, uncompressed);
    const encoding = String(first.encoding);
    if (!optional) return { count: first.num_values, encoding, levels: undefined, values: page };
    if (page.length < 4) throw new Error("a page that ends early");
    const length = new DataView(page.buffer, page.byteOffset).getUint32(0, true);
    if (4 + length > page.length) throw new Error("a page that ends early");
    return {
      count: first.num_values,
      encoding,
      levels: page.subarray(4, 4 + length),
      values: page.subarray(4 + length),
    };
  }
  if (header.type !== "DATA_PAGE_V2" || !second) throw new Error(`a page of the unknown type ${header.type}`);
  checkCount(second.num_values);
  const { repetition_levels_byte_length: repetitions, definition_levels_byte_length: definitions } = second;
  const start = repetitions + definitions;
  if (!(repetitions >= 0 && definitions >= 0 && start <= body.length && start <= uncompressed))
    throw new Error("a page that ends early");
  const values = body.subarray(start);
  return {
    count: second.num_values,
    encoding: String(second.encoding),
    levels: optional ? body.subarray(repetitions, start) : undefined,
    values: second.is_compressed === false ? values : decompress(values, uncompressed - start),
  };
}

function checkSizes(
  { compressed_page_size: stored, uncompressed_page_size: size }: PageHeader,
  available: number,
): void {
  if (!(stored >= 0 && stored <= available))
    throw new Error(`a page of ${stored} bytes in a chunk that has ${available}`);
  if (!(size >= 0 && size <= LARGEST_PAGE_BYTES))
    throw new Error(`a page of ${size} bytes; the limit is ${LARGEST_PAGE_BYTES >> 20} MB`);
}

function checkCount(count: number): void {
  if (typeof count !== "number") throw new Error("a page without its number of rows");
  if (!(count >= 0 && count <= MOST_VALUES))
    throw new Error(`a page of ${count} rows; the limit is ${MOST_VALUES.toLocaleString("en")}`);
}

/** A page header does not state its length and may have long statistics: enlarges the window until it fits. */
async function readHeader(file: FileHandle, at: number, end: number) {
  for (let window = HEADER_BYTES; ; window *= 16) {
    const bytes = await readRange(file, at, Math.min(at + window, end));
    const reader = { view: new DataView(bytes.buffer), offset: 0 };
    try {
      return { header: checkedHeader(parquetHeader(reader)), size: reader.offset };
    } catch (error) {
      if (at + window >= end || window >= LARGEST_HEADER) throw error;
    }
  }
}

/** hyparquet takes whatever is in the place of a size. */
function checkedHeader(header: PageHeader): PageHeader {
  const { compressed_page_size: stored, uncompressed_page_size: size } = header;
  if (typeof stored !== "number" || typeof size !== "number") throw new Error("a page without its sizes");
  return header;
}

/** Bytes `start` to `end` of a file. Throws an Error where it is shorter. */
export async function readRange(file: FileHandle, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new Error("the file ends early");
    filled += bytesRead;
  }
  return bytes;
}
