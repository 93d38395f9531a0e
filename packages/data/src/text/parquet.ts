/**
 * Reads Parquet: the text is one column, read page by page, so that a file with a single huge row group streams too. Pages
 * are decoded by hyparquet, whose own reader would load a whole row group.
 */
import { isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import type { ColumnMetaData, FileMetaData } from "hyparquet";
import { parquetMetadataAsync } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert, DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getSchemaPath, isFlatColumn } from "hyparquet/src/schema.js";
import { compressors } from "hyparquet-compressors";
import { DataError, fileError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";

const HEADER_BYTES = 1 << 16;
const rawBytes = { ...DEFAULT_PARSERS, stringFromBytes: (bytes: Uint8Array) => bytes };

/** The documents of a Parquet file: string column `textKey`; `line` is the row. Nulls and invalid UTF-8 are malformed. */
export async function* readParquet(
  path: string,
  { source, textKey, onBadLine, onBytes }: ReaderOptions & { onBytes?: (count: number) => void },
): AsyncGenerator<DocumentPart> {
  const file = await open(path).catch((error) => {
    throw fileError(error, source);
  });
  try {
    const metadata = await guarded(source, async () => {
      const { size } = await file.stat();
      const slice = (start: number, end = size) => readRange(file, start, Math.min(end, size));
      return parquetMetadataAsync({ byteLength: size, slice }, { geoparquet: false });
    });
    const schemaPath = checkedColumn(metadata, textKey, source);
    let row = 1;
    for (const group of metadata.row_groups) {
      const column = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === textKey)?.meta_data;
      if (!column) throw new DataError(`is damaged: a row group lacks column ${textKey}`, { source });
      const pages = readPages(file, column, schemaPath, Number(group.num_rows), onBytes);
      for (let page = await guarded(source, pages.next); page !== undefined; page = await guarded(source, pages.next)) {
        for (const value of page) {
          if (value instanceof Uint8Array && isUtf8(value))
            yield { text: Buffer.from(value).toString("utf8"), source, line: row, last: true };
          else {
            const found = value instanceof Uint8Array ? "invalid UTF-8" : `${value} instead of a string`;
            onBadLine(new DataError(`${found} in column ${textKey} of this row`, { source, line: row }));
          }
          row++;
        }
      }
    }
  } finally {
    await file.close();
  }
}

function checkedColumn(metadata: FileMetaData, column: string, source: string) {
  const names = metadata.schema.slice(1).map(({ name }) => name);
  if (!names.includes(column))
    throw new DataError(`has no column ${JSON.stringify(column)}; its columns are: ${names.join(", ")}`, { source });
  const path = getSchemaPath(metadata.schema, [column]);
  const element = path.at(-1)!.element;
  const textual = element.converted_type === undefined || element.converted_type === "UTF8";
  if (!isFlatColumn(path) || element.type !== "BYTE_ARRAY" || !textual)
    throw new DataError(`column ${JSON.stringify(column)} does not contain strings`, { source });
  return path;
}

/** The values of a column chunk, page by page; `next` returns undefined at the end. */
function readPages(
  file: FileHandle,
  column: ColumnMetaData,
  schemaPath: ReturnType<typeof getSchemaPath>,
  rows: number,
  onBytes?: (count: number) => void,
) {
  const decoder = {
    pathInSchema: column.path_in_schema,
    type: column.type,
    element: schemaPath.at(-1)!.element,
    schemaPath,
    codec: column.codec,
    parsers: rawBytes,
    compressors,
  };
  const dictionaryOffset = Number(column.dictionary_page_offset ?? 0n);
  let at =
    dictionaryOffset > 0
      ? Math.min(dictionaryOffset, Number(column.data_page_offset))
      : Number(column.data_page_offset);
  const end = at + Number(column.total_compressed_size);
  let dictionary: ReturnType<typeof convert> | undefined;
  let seen = 0;
  return {
    async next(): Promise<(ArrayLike<unknown> & Iterable<unknown>) | undefined> {
      while (seen < rows) {
        if (at >= end) throw new Error(`a column chunk ends after ${seen} of ${rows} rows`);
        const { header, size } = await readHeader(file, at, end);
        const body = await readRange(file, at + size, at + size + header.compressed_page_size);
        at += size + header.compressed_page_size;
        onBytes?.(size + header.compressed_page_size);
        const { data } = readPage({ view: new DataView(body), offset: 0 }, header, decoder, dictionary, undefined, 0);
        if (header.type === "DICTIONARY_PAGE") {
          dictionary = convert(data ?? [], decoder);
        } else if (data) {
          seen += data.length;
          return data;
        }
      }
      return undefined;
    },
  };
}

/** A page header does not state its length and may have long statistics: enlarges the window until it fits. */
async function readHeader(file: FileHandle, at: number, end: number) {
  for (let window = HEADER_BYTES; ; window *= 16) {
    const reader = { view: new DataView(await readRange(file, at, Math.min(at + window, end))), offset: 0 };
    try {
      return { header: parquetHeader(reader), size: reader.offset };
    } catch (error) {
      if (!(error instanceof RangeError) || at + window >= end) throw error;
    }
  }
}

async function readRange(file: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new Error("the file ends early");
    filled += bytesRead;
  }
  return bytes.buffer;
}

async function guarded<T>(source: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new DataError(`is damaged or not a Parquet file (${(error as Error).message})`, { source, cause: error });
  }
}
