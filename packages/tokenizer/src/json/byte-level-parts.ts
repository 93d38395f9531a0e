/**
 * Reads the parts of a byte-level BPE tokenizer as GPT-2, RoBERTa and Llama 3 have it, for which there is a fast encoder.
 * Recognizes files that need anything else.
 */
import { type Merge, mergesById } from "../models/merges.ts";
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { createNormalizer } from "../text/create-normalizer.ts";
import type { Normalizer } from "../text/normalizer.ts";
import type { WordPattern } from "../text/word-scanner.ts";
import { createPostProcessor, type PostProcessor } from "./post-processor.ts";
import type { AddedToken, BpeModel, TokenizerJson, TokenizerPart } from "./tokenizer-json.ts";

/** Everything that the byte-level encoder needs. */
export interface ByteLevelParts {
  vocabulary: Map<string, number>;
  merges: Merge[];
  /** Whether a word that is a token is encoded as such, whatever its merges. */
  ignoreMerges: boolean;
  addedTokens: AddedToken[];
  normalizer: Normalizer | undefined;
  pattern: WordPattern;
  /** Whether a blank is put before a piece that does not start with one. */
  addPrefixSpace: boolean;
  postProcessor: PostProcessor;
}

const PATTERNS: ReadonlyMap<string, WordPattern> = new Map([
  [String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, { kind: "r50k" }],
  [String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, { kind: "r50k" }],
]);

const CL100K =
  /^(?:\(\?i:'s\|'t\|'re\|'ve\|'m\|'ll\|'d\)|'\(\?i:\[sdmt\]\|ll\|ve\|re\))\|\[\^\\r\\n\\p\{L\}\\p\{N\}\]\?\+?\\p\{L\}\+\|\\p\{N\}(\{1,(\d+)\})?\| \?\[\^\\s\\p\{L\}\\p\{N\}\]\+\+?\[\\r\\n\]\*\|\\s\*\[\\r\\n\]\+?\|\\s\+\(\?!\\S\)\|\\s\+$/;

function patternOfRegex(regex: string): WordPattern | undefined {
  const cl100k = CL100K.exec(regex);
  return cl100k ? { kind: "cl100k", maxDigits: Number(cl100k[2] ?? 1) } : PATTERNS.get(regex);
}

/** These patterns match every character, so the treatment of text between matches makes no difference. */
function patternOfSplit(part: TokenizerPart): WordPattern | undefined {
  const regex = (part.pattern as { Regex?: string } | undefined)?.Regex;
  const keepsMatches = part.behavior === "Isolated" || (part.behavior === "Removed" && part.invert === true);
  return part.type === "Split" && regex && keepsMatches ? patternOfRegex(regex) : undefined;
}

function wordsOf(
  part: TokenizerPart | null | undefined,
): { pattern: WordPattern; addPrefixSpace: boolean } | undefined {
  if (part?.type === "ByteLevel") {
    const pattern: WordPattern = part.use_regex === false ? { kind: "none" } : { kind: "r50k" };
    return { pattern, addPrefixSpace: part.add_prefix_space !== false };
  }
  if (part?.type !== "Sequence") return undefined;
  const [split, byteLevel, ...more] = part.pretokenizers as TokenizerPart[];
  const pattern = split && patternOfSplit(split);
  const bytesOnly = byteLevel?.type === "ByteLevel" && byteLevel.use_regex === false && !byteLevel.add_prefix_space;
  return pattern && bytesOnly && more.length === 0 ? { pattern, addPrefixSpace: false } : undefined;
}

/** The parts of a byte-level BPE tokenizer, or undefined if the file needs anything else. */
export function readByteLevelParts(json: TokenizerJson): ByteLevelParts | undefined {
  if (json.model.type !== "BPE" || json.decoder?.type !== "ByteLevel") return undefined;
  const model = json.model as BpeModel;
  const words = wordsOf(json.pre_tokenizer);
  const postProcessor = createPostProcessor(json.post_processor);
  const vocabulary = new Map(Object.entries(model.vocab));
  const isPlain = !model.continuing_subword_prefix && !model.end_of_word_suffix;
  const hasAllBytes = byteToCharacter.every((character) => vocabulary.has(character));
  const normalizer = json.normalizer ? createNormalizer(json.normalizer) : undefined;
  if (!words || !postProcessor || !isPlain || !hasAllBytes) return undefined;
  if (json.normalizer && !normalizer) return undefined;
  return {
    ...words,
    postProcessor,
    normalizer,
    vocabulary,
    merges: mergesById(model, vocabulary),
    ignoreMerges: model.ignore_merges === true,
    addedTokens: json.added_tokens ?? [],
  };
}
