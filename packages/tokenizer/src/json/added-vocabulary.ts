/**
 * The added tokens of a tokenizer.json with the ids that Hugging Face's tokenizers give them: the model's id if the token is
 * in its vocabulary, otherwise the next one.
 */
import { TokenizerError } from "../errors.ts";
import { type Normalizer, normalizeText } from "../text/normalizers/normalizer.ts";
import { shown } from "./part-fields.ts";
import { type AddedToken, type TokenizerJson, vocabularyOf } from "./tokenizer-json.ts";

/** An added token, and what it matches: its content, or its normalized content. */
export interface MatchedToken extends AddedToken {
  pattern: string;
}

/**
 * The added tokens.
 *
 * @throws {TokenizerError} if a token has another id than in Hugging Face's tokenizers, or two tokens match the same text.
 */
export function readAddedTokens(json: TokenizerJson, normalizer: Normalizer | undefined): MatchedToken[] {
  const vocabulary = new Map(vocabularyOf(json.model));
  const ids = new Map<string, number>();
  const byId = new Map<number, MatchedToken>();
  let nextId = vocabulary.size;
  for (const token of json.added_tokens ?? []) {
    const { content } = token;
    if (content === "") continue;
    const id = ids.get(content) ?? vocabulary.get(content) ?? nextId++;
    if (id !== token.id) {
      throw new TokenizerError(
        `the added token ${shown(content)} has the id ${token.id}, but Hugging Face's tokenizers would give it ${id}`,
      );
    }
    ids.set(content, id);
    const { single_word = false, lstrip = false, rstrip = false, normalized = false, special = false } = token;
    const pattern = normalized ? normalizeText(normalizer, content) : content;
    byId.set(id, { id, content, single_word, lstrip, rstrip, normalized, special, pattern });
  }
  const tokens = [...byId.values()];
  const patterns = new Map<string, string>();
  for (const { content, normalized, pattern } of tokens) {
    if (pattern === "") throw new TokenizerError(`the added token ${shown(content)} is empty after normalization`);
    const key = `${normalized} ${pattern}`;
    const other = patterns.get(key);
    if (other !== undefined) {
      throw new TokenizerError(
        `the added tokens ${shown(other)} and ${shown(content)} are the same after normalization`,
      );
    }
    patterns.set(key, content);
  }
  return tokens;
}
