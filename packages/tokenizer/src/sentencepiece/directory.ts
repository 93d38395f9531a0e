/**
 * Reads what a directory says about the frame of its SentencePiece model: tokenizer_config.json, and the model's config.json.
 */
import { TokenizerError } from "../errors.ts";
import { isObject } from "../json/part-fields.ts";
import { type SentencePieceFrame, tokenizerClassOf } from "./frames.ts";

/** The text of a file of the directory, or undefined if there is none. */
export type ReadText = (file: string) => Promise<string | undefined>;

async function readObject(read: ReadText, file: string): Promise<Record<string, unknown>> {
  const text = await read(file);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(`${file} is not valid JSON: ${(error as Error).message}`);
  }
  return isObject(value) ? value : {};
}

/**
 * The frame of the SentencePiece model in a directory.
 *
 * @throws {TokenizerError} if a file is not valid JSON.
 */
export async function frameIn(read: ReadText): Promise<SentencePieceFrame> {
  const settings = await readObject(read, "tokenizer_config.json");
  if (typeof settings.tokenizer_class === "string") return settings;
  const config = await readObject(read, "config.json");
  return { ...settings, tokenizer_class: config.tokenizer_class ?? tokenizerClassOf(config.model_type) };
}
