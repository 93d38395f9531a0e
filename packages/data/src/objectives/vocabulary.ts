/** What an objective must know of a vocabulary: which ids are markers, and which continue a word. */
import type { Tokenizer } from "@megatron-ts/tokenizer";

export interface ObjectiveVocabulary {
  readonly size: number;
  /** 1 for ids that are markers and never masked. */
  readonly special: Uint8Array;
  /** 1 for ids that continue the word of the token before them. */
  readonly continues: Uint8Array;
}

/** Continuations are told by `##` (WordPiece), by the absence of `▁` (SentencePiece) or of `Ġ` (byte-level). */
export function objectiveVocabulary(tokenizer: Tokenizer): ObjectiveVocabulary {
  const size = tokenizer.vocabularySize;
  const tokens = Array.from({ length: size }, (_, id) => tokenizer.idToToken(id) ?? "");
  const markers = new Set(tokenizer.specialTokens.values());
  const begins = wordBeginning(tokens);
  return {
    size,
    special: Uint8Array.from(tokens, (_, id) => (markers.has(id) ? 1 : 0)),
    continues: Uint8Array.from(tokens, (token, id) => (markers.has(id) || begins(token) ? 0 : 1)),
  };
}

function wordBeginning(tokens: readonly string[]): (token: string) => boolean {
  if (tokens.some((token) => token.startsWith("##") && token.length > 2)) return (token) => !token.startsWith("##");
  if (tokens.some((token) => token.startsWith("▁"))) return (token) => token.startsWith("▁");
  // Byte-level: a space is Ġ, a line break Ċ, a tab ĉ; what starts with anything but a letter begins anew too.
  return (token) => /^[ĠĊĉč]/.test(token) || !/^\p{L}/u.test(token);
}
