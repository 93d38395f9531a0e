// Reads from a tokenizer.json what our own encoder needs, and says so when the file asks for something else: byte-level
// BPE as GPT-2, RoBERTa and Llama 3 have it is ours, anything further is left to the reference.

import { type Merge, mergesById } from "../models/bpe-model.ts";
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { createNormalizer, type Normalizer } from "../text/normalizer.ts";
import type { WordPattern } from "../text/word-scanner.ts";
import { type Frame, frameOf } from "./post-processor.ts";
import type { AddedToken, BpeModel, TokenizerJson, TokenizerPart } from "./tokenizer-json.ts";

export interface ByteLevelParts {
  vocabulary: Map<string, number>;
  merges: Merge[];
  /** A word that is a token is taken as it is, whatever the merges would make of it. */
  ignoreMerges: boolean;
  addedTokens: AddedToken[];
  normalizer: Normalizer | undefined;
  pattern: WordPattern;
  /** Whether a text that does not start with a blank gets one. */
  addPrefixSpace: boolean;
  frame: Frame;
}

const PATTERNS: ReadonlyMap<string, WordPattern> = new Map([
  [String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, { kind: "gpt2" }],
  [String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, { kind: "gpt2" }],
]);

const LLAMA3 =
  /^(?:\(\?i:'s\|'t\|'re\|'ve\|'m\|'ll\|'d\)|'\(\?i:\[sdmt\]\|ll\|ve\|re\))\|\[\^\\r\\n\\p\{L\}\\p\{N\}\]\?\+?\\p\{L\}\+\|\\p\{N\}(\{1,(\d+)\})?\| \?\[\^\\s\\p\{L\}\\p\{N\}\]\+\+?\[\\r\\n\]\*\|\\s\*\[\\r\\n\]\+?\|\\s\+\(\?!\\S\)\|\\s\+$/;

function patternOfRegex(regex: string): WordPattern | undefined {
  const llama3 = LLAMA3.exec(regex);
  return llama3 ? { kind: "llama3", maxDigits: Number(llama3[2] ?? 1) } : PATTERNS.get(regex);
}

/** These patterns match every character, so what happens to text in between makes no difference. */
function patternOfSplit(part: TokenizerPart): WordPattern | undefined {
  const regex = (part.pattern as { Regex?: string } | undefined)?.Regex;
  const keepsMatches = part.behavior === "Isolated" || (part.behavior === "Removed" && part.invert === true);
  return part.type === "Split" && regex && keepsMatches ? patternOfRegex(regex) : undefined;
}

function wordsOf(
  part: TokenizerPart | null | undefined,
): { pattern: WordPattern; addPrefixSpace: boolean } | undefined {
  if (part?.type === "ByteLevel") {
    const pattern: WordPattern = part.use_regex === false ? { kind: "none" } : { kind: "gpt2" };
    return { pattern, addPrefixSpace: part.add_prefix_space !== false };
  }
  if (part?.type !== "Sequence") return undefined;
  const [split, byteLevel, ...more] = part.pretokenizers as TokenizerPart[];
  const pattern = split && patternOfSplit(split);
  const bytesOnly = byteLevel?.type === "ByteLevel" && byteLevel.use_regex === false && !byteLevel.add_prefix_space;
  return pattern && bytesOnly && more.length === 0 ? { pattern, addPrefixSpace: false } : undefined;
}

/** The parts of a byte-level BPE tokenizer, or undefined when the file describes anything that ours does not cover. */
export function readByteLevelParts(json: TokenizerJson): ByteLevelParts | undefined {
  if (json.model.type !== "BPE" || json.decoder?.type !== "ByteLevel") return undefined;
  const model = json.model as BpeModel;
  const words = wordsOf(json.pre_tokenizer);
  const frame = frameOf(json.post_processor);
  const vocabulary = new Map(Object.entries(model.vocab));
  const isPlain = !model.continuing_subword_prefix && !model.end_of_word_suffix;
  const hasAllBytes = byteToCharacter.every((character) => vocabulary.has(character));
  const normalizer = json.normalizer ? createNormalizer(json.normalizer) : undefined;
  if (!words || !frame || !isPlain || !hasAllBytes) return undefined;
  if (json.normalizer && !normalizer) return undefined;
  return {
    ...words,
    frame,
    normalizer,
    vocabulary,
    merges: mergesById(model, vocabulary),
    ignoreMerges: model.ignore_merges === true,
    addedTokens: json.added_tokens ?? [],
  };
}
