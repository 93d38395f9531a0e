/** What objectives need to know about a vocabulary: special tokens, pieces that continue a word, and sentinels. */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Properties of every id of a vocabulary. */
export interface ObjectiveVocabulary {
  readonly size: number;
  /** 1 for the ids of special tokens, which are never masked. */
  readonly special: Uint8Array;
  /** 1 for ids that continue the word of the previous token. */
  readonly continues: Uint8Array;
}

/**
 * Reads these properties from a tokenizer. Continuations have a `##` (WordPiece), or lack a `▁` (SentencePiece) or `Ġ`
 * (byte-level).
 */
export function objectiveVocabulary(tokenizer: Tokenizer): ObjectiveVocabulary {
  const size = tokenizer.vocabularySize;
  const tokens = Array.from({ length: size }, (_, id) => tokenizer.idToToken(id) ?? "");
  const specialIds = new Set(tokenizer.specialTokens.values());
  const startsWord = wordStart(tokens);
  return {
    size,
    special: Uint8Array.from(tokens, (_, id) => (specialIds.has(id) ? 1 : 0)),
    continues: Uint8Array.from(tokens, (token, id) => (specialIds.has(id) || startsWord(token) ? 0 : 1)),
  };
}

function wordStart(tokens: readonly string[]): (token: string) => boolean {
  if (tokens.some((token) => token.startsWith("##") && token.length > 2)) return (token) => !token.startsWith("##");
  if (tokens.some((token) => token.startsWith("▁"))) return (token) => token.startsWith("▁");
  // Byte-level: a space is Ġ, a line break Ċ, a tab ĉ. A token that does not start with a letter starts a word too.
  return (token) => /^[ĠĊĉč]/.test(token) || !/^\p{L}/u.test(token);
}

/** The ids of T5's `<extra_id_0>`, `<extra_id_1>`, ... in that order; empty where the tokenizer has none. */
export function sentinelTokens(tokenizer: Tokenizer): number[] {
  const sentinels: number[] = [];
  for (let id: number | undefined; ; sentinels.push(id)) {
    id = tokenizer.tokenToId(`<extra_id_${sentinels.length}>`);
    if (id === undefined) return sentinels;
  }
}
