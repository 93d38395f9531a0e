/**
 * Parses a tokenizer.json, and checks the types of everything but the fields of its parts, which are checked where they are
 * read.
 */
import { TokenizerError } from "../errors.ts";
import { isCount, isObject, isText, shown, type TokenizerPart } from "./part-fields.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";

/** Ids must be lower: tables are as long as the highest one. */
export const MAX_ID = 1 << 22;

const PARTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;
const FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"] as const;

function checkId(id: unknown, token: string): void {
  if (!isCount(id)) throw new TokenizerError(`the id of ${shown(token)} must be an integer >= 0, got ${shown(id)}`);
  if (id >= MAX_ID) throw new TokenizerError(`the id of ${shown(token)} must be lower than ${MAX_ID}, got ${id}`);
}

function checkVocabulary(model: Record<string, unknown>, type: string): void {
  const { vocab, merges } = model;
  if (Array.isArray(vocab)) {
    for (const entry of vocab) {
      if (!Array.isArray(entry) || entry.length !== 2 || !isText(entry[0]) || !Number.isFinite(entry[1])) {
        throw new TokenizerError(
          `an entry of the vocabulary of ${shown(type)} must be a token and its score, got ${shown(entry)}`,
        );
      }
    }
    if (type !== "Unigram") throw new TokenizerError(`the vocabulary of ${shown(type)} must be an object`);
    if (vocab.length > MAX_ID) throw new TokenizerError(`the vocabulary has more than ${MAX_ID} tokens`);
  } else {
    if (!isObject(vocab)) throw new TokenizerError(`the model ${shown(type)} has no vocabulary`);
    if (type === "Unigram") throw new TokenizerError("the Unigram vocabulary must be a list");
    const tokens = new Map<unknown, string>();
    for (const [token, id] of Object.entries(vocab)) {
      checkId(id, token);
      const other = tokens.get(id);
      if (other !== undefined) throw new TokenizerError(`${shown(other)} and ${shown(token)} have the same id ${id}`);
      tokens.set(id, token);
    }
  }
  if (type !== "BPE") return;
  if (!Array.isArray(merges)) throw new TokenizerError("the BPE model has no list of merges");
  merges.forEach((merge: unknown, index) => {
    const sides = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(sides) || sides.length !== 2 || !sides.every(isText)) {
      throw new TokenizerError(`merge ${index + 1} must be a pair of tokens, got ${shown(merge)}`);
    }
  });
}

function checkAddedTokens(value: unknown): void {
  if (!Array.isArray(value)) throw new TokenizerError(`added_tokens must be a list, got ${shown(value)}`);
  for (const token of value as Partial<AddedToken>[]) {
    if (!isObject(token) || !isText(token.content)) {
      throw new TokenizerError(`an added token must have a "content", got ${shown(token)}`);
    }
    checkId(token.id, token.content);
    for (const flag of FLAGS) {
      if (typeof (token[flag] ?? false) !== "boolean") {
        throw new TokenizerError(`"${flag}" of the added token ${shown(token.content)} must be true or false`);
      }
    }
  }
}

/**
 * Checks a parsed tokenizer.json. `name` is its name in errors.
 *
 * @throws {TokenizerError} if it is not a tokenizer.
 */
export function checkTokenizerJson(value: unknown, name = "tokenizer.json"): TokenizerJson {
  if (!isObject(value) || !isObject(value.model)) {
    throw new TokenizerError(`${name} is not a tokenizer.json: expected an object with a "model"`);
  }
  const { model } = value;
  try {
    if ((value.version ?? "1.0") !== "1.0") throw new TokenizerError(`unknown version ${shown(value.version)}`);
    // Files from before 2020 have no model type.
    const type =
      model.type ?? (Array.isArray(model.merges) ? "BPE" : Array.isArray(model.vocab) ? "Unigram" : undefined);
    if (typeof type !== "string") throw new TokenizerError("the model has no type");
    checkVocabulary(model, type);
    checkAddedTokens(value.added_tokens ?? []);
    for (const part of PARTS) {
      const found = value[part] ?? undefined;
      if (found !== undefined && !(isObject(found) && typeof found.type === "string")) {
        throw new TokenizerError(`${part} must be an object with a "type", got ${shown(found)}`);
      }
    }
    const checkedModel: TokenizerPart = { ...model, type };
    return { ...value, model: checkedModel } as TokenizerJson;
  } catch (error) {
    throw error instanceof TokenizerError ? new TokenizerError(`${name}: ${error.message}`) : error;
  }
}

/**
 * Parses the text of a tokenizer.json. `name` is its name in errors.
 *
 * @throws {TokenizerError} if it is not valid JSON, or not a tokenizer.
 */
export function parseTokenizerJson(text: string, name = "tokenizer.json"): TokenizerJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TokenizerError(`${name} is not valid JSON: ${(error as Error).message}`);
  }
  return checkTokenizerJson(value, name);
}
