// Tokenizers on disk: a directory with tokenizer.json, as Hugging Face keeps them, or with a SentencePiece model. The only
// file here that needs Node.

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TokenizerError } from "./errors.ts";
import { createTokenizer } from "./json/create-tokenizer.ts";
import { formatTokenizerJson, parseTokenizerJson, type TokenizerJson } from "./json/tokenizer-json.ts";
import { readSentencePiece } from "./sentencepiece.ts";
import type { Tokenizer } from "./tokenizer.ts";

const FILE = "tokenizer.json";
const MODEL = ".model";
const CONFIG = "tokenizer_config.json";

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new TokenizerError(
      missing ? `there is no tokenizer at ${path}` : `cannot read the tokenizer ${path}: ${(error as Error).message}`,
    );
  }
}

const isDirectory = async (path: string): Promise<boolean> => {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
};

/** The end-of-text token that the tokenizer_config.json beside the file names. */
async function endOfTextBeside(directory: string): Promise<string | undefined> {
  const path = join(directory, CONFIG);
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : endOfTextIn(text, path);
}

/**
 * The end-of-text token that a tokenizer_config.json names, as a string or as { content }.
 *
 * @throws {TokenizerError} when the text is not JSON; `path` is its name there.
 */
export function endOfTextIn(text: string, path: string): string | undefined {
  try {
    const { eos_token } = JSON.parse(text) as { eos_token?: string | { content: string } | null };
    return typeof eos_token === "string" ? eos_token : eos_token?.content;
  } catch (error) {
    throw new TokenizerError(`${path} is not valid JSON: ${(error as Error).message}`);
  }
}

/** The file to load: tokenizer.json of a directory, or a SentencePiece model where that is all there is. */
async function fileOf(directory: string): Promise<string> {
  const names = await readdir(directory);
  const model = names.includes(FILE) ? undefined : names.filter((name) => name.endsWith(MODEL)).sort()[0];
  return join(directory, model ?? FILE);
}

/**
 * Loads a tokenizer.json or a SentencePiece model, or the one in a directory.
 *
 * @throws {TokenizerError} when it is missing, broken or of a kind that is not supported.
 */
export async function loadTokenizer(directoryOrFile: string): Promise<Tokenizer> {
  const directory = await isDirectory(directoryOrFile);
  const path = directory ? await fileOf(directoryOrFile) : directoryOrFile;
  const json = path.endsWith(MODEL)
    ? await readSentencePiece(await read(path), path)
    : parseTokenizerJson((await read(path)).toString("utf8"), path);
  const endOfText = directory ? await endOfTextBeside(directoryOrFile) : undefined;
  return createTokenizer(json, endOfText === undefined ? {} : { endOfText });
}

/** Writes tokenizer.json into a directory, which is made if need be. At every moment the old file or the new one stands. */
export async function saveTokenizer(json: TokenizerJson, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
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
