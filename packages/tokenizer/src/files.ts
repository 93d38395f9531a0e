// Tokenizers on disk: a directory with tokenizer.json, as Hugging Face keeps them. The only file here that needs Node.

import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createTokenizer } from "./create-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { formatTokenizerJson, parseTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";

const FILE = "tokenizer.json";
const CONFIG = "tokenizer_config.json";

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
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

/** The end-of-text token that a tokenizer_config.json beside the file names, as a string or as { content }. */
async function endOfTextBeside(directory: string): Promise<string | undefined> {
  const path = join(directory, CONFIG);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { eos_token } = JSON.parse(text) as { eos_token?: string | { content: string } | null };
    return typeof eos_token === "string" ? eos_token : eos_token?.content;
  } catch (error) {
    throw new TokenizerError(`${path} is not valid JSON: ${(error as Error).message}`);
  }
}

/**
 * Loads a tokenizer.json, or the one in a directory.
 *
 * @throws {TokenizerError} when it is missing, broken or of a kind that is not supported.
 */
export async function loadTokenizer(directoryOrFile: string): Promise<Tokenizer> {
  const directory = await isDirectory(directoryOrFile);
  const path = directory ? join(directoryOrFile, FILE) : directoryOrFile;
  const json = parseTokenizerJson(await read(path), path);
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
