/**
 * Reads Parquet: the text is one column, read page by page, so that a file with a single huge row group streams too. hyparquet
 * reads the metadata and the headers.
 */
import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { type FileMetaData, parquetMetadataAsync } from "hyparquet";
import { getSchemaPath, isFlatColumn } from "hyparquet/src/schema.js";
import { DataError } from "../../errors.ts";
import { openHandle } from "../../files/open-file.ts";
import type { DocumentPart, ReaderOptions } from "../document.ts";
import { checkExpansion } from "../pacing.ts";
import { readColumnChunk, readRange } from "./column-chunk.ts";

/** Largest metadata in bytes; parsed, it takes some fifty times as much memory. */
const LARGEST_METADATA = 1 << 24;

/** The documents of a Parquet file: string column `textKey`; `line` is the row. Nulls and invalid UTF-8 are malformed. */
export async function* readParquet(
  path: string,
  { source, textKey, onBadLine, onBytes }: ReaderOptions & { onBytes?: (count: number) => void },
): AsyncGenerator<DocumentPart> {
  const { file, size: fileSize } = await openHandle(path);
  try {
    const metadata = await guarded(source, () => readMetadata(file, fileSize));
    const optional = isOptional(metadata, textKey, source);
    let row = 1;
    let output = 0;
    for (const group of metadata.row_groups) {
      const column = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === textKey)?.meta_data;
      if (!column) throw new DataError(`is damaged: a row group lacks column ${textKey}`, { source });
      const pages = readColumnChunk({ file, fileSize, column, rows: Number(group.num_rows), optional, onBytes });
      for (
        let page = await guarded(source, () => pages.next());
        !page.done;
        page = await guarded(source, () => pages.next())
      ) {
        for (const value of page.value) {
          output += value?.length ?? 0;
          checkExpansion(source, { input: fileSize, output });
          if (value && isUtf8(value))
            yield { text: Buffer.from(value).toString("utf8"), source, line: row, last: true };
          else {
            const found = value ? "invalid UTF-8" : "null instead of a string";
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

async function readMetadata(file: FileHandle, size: number): Promise<FileMetaData> {
  const slice = async (start: number, end = size) => {
    if (end - start > LARGEST_METADATA + 8) throw new Error(`its metadata is larger than ${LARGEST_METADATA >> 20} MB`);
    return (await readRange(file, start, Math.min(end, size))).buffer;
  };
  const metadata = await parquetMetadataAsync({ byteLength: size, slice }, { geoparquet: false });
  const { schema, row_groups: groups } = metadata;
  if (!Array.isArray(schema) || schema.length === 0 || !Array.isArray(groups)) throw new Error("it has no schema");
  for (const { num_rows: rows, columns } of groups) {
    const named =
      Array.isArray(columns) &&
      columns.every(({ meta_data: own }) => own === undefined || Array.isArray(own?.path_in_schema));
    if (!(Number(rows) >= 0) || !named) throw new Error("it has an invalid row group");
  }
  return metadata;
}

/** Whether rows may have no value. Throws a DataError for a column that does not exist or is not of strings. */
function isOptional(metadata: FileMetaData, column: string, source: string): boolean {
  const names = metadata.schema.slice(1).map(({ name }) => name);
  if (!names.includes(column))
    throw new DataError(`has no column ${JSON.stringify(column)}; its columns are: ${names.slice(0, 50).join(", ")}`, {
      source,
    });
  let path: ReturnType<typeof getSchemaPath>;
  try {
    path = getSchemaPath(metadata.schema, [column]);
  } catch (error) {
    throw damaged(source, error);
  }
  const { type, converted_type: converted, repetition_type: repetition } = path.at(-1)!.element;
  if (!isFlatColumn(path) || type !== "BYTE_ARRAY" || (converted !== undefined && converted !== "UTF8"))
    throw new DataError(`column ${JSON.stringify(column)} does not contain strings`, { source });
  return repetition === "OPTIONAL";
}

async function guarded<T>(source: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw damaged(source, error);
  }
}

function damaged(source: string, error: unknown): DataError {
  // hyparquet trips over values of the wrong type.
  const reason =
    error instanceof TypeError || error instanceof RangeError ? "malformed metadata" : (error as Error).message;
  return new DataError(`is damaged or not a Parquet file (${reason})`, { source, cause: error });
}
