/**
 * Loads and saves tokenizers: directories with a tokenizer.json, as Hugging Face has them, or with older vocabulary files.
 * The only file of this package that needs Node.
 */
import { randomUUID } from "node:crypto";
import { constants, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { TokenizerError } from "./errors.ts";
import { createTokenizer } from "./json/create-tokenizer.ts";
import { parseTokenizerJson } from "./json/parse-tokenizer-json.ts";
import { isObject, shown } from "./json/part-fields.ts";
import { formatTokenizerJson, type TokenizerJson } from "./json/tokenizer-json.ts";
import { readSentencePiece } from "./sentencepiece.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { withTokenizerConfig } from "./vocabulary-files/configured-tokenizer.ts";
import { readBpeFiles, readWordPieceFile } from "./vocabulary-files/read-vocabulary-files.ts";
import { readTokenizerConfig } from "./vocabulary-files/tokenizer-config.ts";

const FILE = "tokenizer.json";
const MODEL = ".model";
const CONFIG = "tokenizer_config.json";

/** In bytes: the longest string. */
const LARGEST = 2 ** 29;

/** Reads regular files only: a FIFO would wait for a writer, and a device may have no end. */
async function readRegularFile(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Error(`it is ${status.isDirectory() ? "a directory" : "not a regular file"}`);
    if (status.size > LARGEST) throw new Error(`it is larger than ${LARGEST >> 20} MB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readRegularFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new TokenizerError(
      missing ? `no tokenizer found at ${path}` : `cannot read the tokenizer ${path}: ${(error as Error).message}`,
    );
  }
}

const isDirectory = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
};

/** The end-of-text token in a directory's tokenizer_config.json, if there is one. */
async function endOfTextInDirectory(directory: string): Promise<string | undefined> {
  const path = join(directory, CONFIG);
  if (!(await stat(path).catch(() => undefined))) return undefined;
  return endOfTextIn((await read(path)).toString("utf8"), path);
}

/**
 * The end-of-text token (`eos_token`) in the text of a tokenizer_config.json. `path` is its name in errors.
 *
 * @throws {TokenizerError} if the text is not a JSON object, or its eos_token is not a token.
 */
export function endOfTextIn(text: string, path: string): string | undefined {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(`${path} is not valid JSON: ${(error as Error).message}`);
  }
  if (!isObject(config)) throw new TokenizerError(`${path} is not a JSON object`);
  const token = config.eos_token ?? undefined;
  const content = isObject(token) ? token.content : token;
  if (content === undefined || typeof content === "string") return content;
  throw new TokenizerError(`${path}: eos_token must be a token, got ${shown(token)}`);
}

/** The tokenizer of a directory: its tokenizer.json, or else older vocabulary files, used as transformers does. */
async function readDirectory(directory: string): Promise<TokenizerJson> {
  const names = await readdir(directory);
  const readText = async (file: string): Promise<string | undefined> =>
    names.includes(file) ? (await read(join(directory, file))).toString("utf8") : undefined;
  const model = names.filter((name) => name.endsWith(MODEL)).sort()[0];
  const path = join(directory, names.includes(FILE) || !model ? FILE : model);
  const config = await readTokenizerConfig(readText);
  if (names.includes(FILE)) {
    const json = parseTokenizerJson((await readText(FILE))!, path);
    return withTokenizerConfig(json, config, join(directory, CONFIG));
  }
  if (model) return readSentencePiece(await read(path), path, config);
  const [vocab, merges, words] = await Promise.all(["vocab.json", "merges.txt", "vocab.txt"].map(readText));
  if (vocab !== undefined && merges !== undefined) return readBpeFiles({ vocab, merges }, directory, config);
  if (words !== undefined) return readWordPieceFile(words, directory, config);
  throw new TokenizerError(`no tokenizer found at ${path}`);
}

async function readTokenizerFile(path: string): Promise<TokenizerJson> {
  if (path.endsWith(MODEL)) return readSentencePiece(await read(path), path);
  return parseTokenizerJson((await read(path)).toString("utf8"), path);
}

/**
 * Loads a tokenizer, given the path of a tokenizer.json or of a SentencePiece model, or a directory with one. In a directory
 * without tokenizer.json, a SentencePiece model gets the special tokens of the tokenizer class that tokenizer_config.json or
 * config.json names, as in transformers; vocab.json with merges.txt (GPT-2, RoBERTa) and vocab.txt (BERT) are read too.
 *
 * @throws {TokenizerError} if it is missing, invalid or not supported.
 */
export async function loadTokenizer(directoryOrFile: string): Promise<Tokenizer> {
  const directory = await isDirectory(directoryOrFile);
  const json = await (directory ? readDirectory(directoryOrFile) : readTokenizerFile(directoryOrFile));
  const endOfText = directory ? await endOfTextInDirectory(directoryOrFile) : undefined;
  return createTokenizer(json, endOfText === undefined ? {} : { endOfText });
}

/** Removes the temporary files that killed processes left, which are at least an hour old. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!/^tokenizer\.json\.[0-9a-f-]{36}\.tmp$/.test(name)) continue;
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > 3600 * 1000) await rm(path, { force: true });
  }
}

/** Saves a tokenizer.json into a directory, which is created if needed. The file is replaced atomically. */
export async function saveTokenizer(json: TokenizerJson, directory: string): Promise<void> {
  makeDirectory(directory);
  await removeLeftovers(directory);
  const path = join(directory, FILE);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(formatTokenizerJson(json));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
