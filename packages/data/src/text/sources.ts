/**
 * Expands inputs (files, globs, directories, "-") to a list of files in a fixed order, each with its format and compression.
 * Does not open them.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { DataError, fileError } from "../errors.ts";

/** Format of a file: plain text, JSON lines, CSV with a header, Parquet, a web page, an e-book, or a web archive. */
export type TextFormat = "txt" | "jsonl" | "csv" | "parquet" | "html" | "epub" | "warc";
/** Compression of a file. */
export type Compression = "none" | "gzip" | "zstd";

/** A file to read. */
export interface TextSource {
  /** "-" for standard input, whose format and size are not known before it is read. */
  path: string;
  format: TextFormat | undefined;
  compression: Compression | undefined;
  /** Size of the file in bytes. */
  bytes: number | undefined;
  /** Modification time in milliseconds: a resumed job checks that it reads the same file. */
  modified: number | undefined;
}

const formats: Record<string, TextFormat> = {
  ".txt": "txt",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "jsonl",
  ".csv": "csv",
  ".parquet": "parquet",
  ".html": "html",
  ".htm": "html",
  ".xhtml": "html",
  ".epub": "epub",
  ".warc": "warc",
  ".wet": "warc",
};
const compressions: Record<string, Compression> = { ".gz": "gzip", ".zst": "zstd" };
const known = ".txt, .jsonl, .json, .csv, .parquet, .html, .epub, .warc or .wet, optionally followed by .gz or .zst";

/** Options of `listSources`. */
export interface ListOptions {
  /** Default: by the extension of each file. */
  format?: TextFormat;
  /** Called for a directory in which .json files, this many, were skipped. */
  onSkippedJson?: (directory: string, files: number) => void;
}

/**
 * Expands inputs: files as given, globs and directories (recursively) in code point order, "-" for standard input. In
 * directories, skips files of unknown formats, and .json files (which are read as JSON lines) unless there are no others.
 * @throws DataError for an input that is missing, empty, of unknown format, or matches no file
 */
export async function listSources(inputs: readonly string[], options: ListOptions = {}): Promise<TextSource[]> {
  if (inputs.length === 0)
    throw new DataError("no input: expected a file, a glob, a directory, or - for standard input");
  if (inputs.filter((input) => input === "-").length > 1)
    throw new DataError("standard input (-) can be read only once");
  const sources: TextSource[] = [];
  for (const input of inputs) sources.push(...(await expand(input, options)));
  return sources;
}

async function expand(input: string, { format, onSkippedJson }: ListOptions): Promise<TextSource[]> {
  if (input === "-") return [{ path: "-", format, compression: undefined, bytes: undefined, modified: undefined }];
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    if (found.code !== "ENOENT" || !isDynamicPattern(input)) throw fileError(found, input);
    const paths = await glob(input.replaceAll("\\", "/"), { expandDirectories: false });
    if (paths.length === 0) throw new DataError(`no file matches ${JSON.stringify(input)}`);
    return Promise.all(paths.sort().map((path) => describe(path, format)));
  }
  if (!found.isDirectory()) return [await describe(input, format)];
  await checkLinks(input);
  const paths = await glob("**/*", { cwd: input, expandDirectories: false });
  const all = paths.filter((path) => detectFormat(path).format !== undefined);
  const others = all.filter((path) => !/\.json(\.\w+)?$/i.test(path));
  const readable = others.length > 0 ? others : all;
  if (readable.length === 0) throw new DataError(`contains no file that ends in ${known}`, { source: input });
  const directory = input.replace(/[/\\]+$/, "");
  if (readable.length < all.length) onSkippedJson?.(directory, all.length - readable.length);
  return Promise.all(readable.sort().map((name) => describe(`${directory}/${name}`, format)));
}

/** Refuses links to files that do not exist, which glob would leave out: a download may be incomplete. */
async function checkLinks(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink() || detectFormat(entry.name).format === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    await stat(path).catch((error) => {
      throw error.code === "ENOENT"
        ? new DataError("links to a file that does not exist", { source: path })
        : fileError(error, path);
    });
  }
}

async function describe(path: string, requested: TextFormat | undefined): Promise<TextSource> {
  const { format, compression } = detectFormat(path);
  if (requested === undefined && format === undefined)
    throw new DataError(`unknown format: expected a name that ends in ${known}, or set the format`, {
      source: path,
    });
  const status = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  if (!status.isFile()) throw new DataError("is not a regular file: pipe it to standard input (-)", { source: path });
  const { size, mtimeMs } = status;
  if (size === 0) throw new DataError("is empty", { source: path });
  return { path, format: requested ?? format, compression, bytes: size, modified: mtimeMs };
}

/** Format and compression by the extensions of a name: `corpus.jsonl.gz` is gzipped JSONL. */
function detectFormat(path: string): { format: TextFormat | undefined; compression: Compression } {
  const lower = path.toLowerCase();
  const compressed = Object.keys(compressions).find((ending) => lower.endsWith(ending));
  const plain = compressed === undefined ? lower : lower.slice(0, -compressed.length);
  const ending = Object.keys(formats).find((candidate) => plain.endsWith(candidate));
  return {
    format: ending === undefined ? undefined : formats[ending],
    compression: compressed === undefined ? "none" : (compressions[compressed] ?? "none"),
  };
}
