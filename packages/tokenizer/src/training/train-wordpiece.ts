// Training a WordPiece tokenizer, BERT's kind, from a stream of documents. Its alphabet is all 256 bytes, at the start of
// a word and inside it, so that no text is unknown; like BERT's it forgets how much white space there was.

import { TokenizerError } from "../errors.ts";
import type { TokenizerJson, TokenizerPart } from "../json/tokenizer-json.ts";
import { bertTextOptions, createBertNormalizer, createBertWordReader } from "../text/bert-text.ts";
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { learnMerges } from "./merge-trainer.ts";
import { addSpecialTokens, checkVocabulary, type TrainingProgress } from "./options.ts";
import { countWords, type Texts } from "./word-counts.ts";

export interface TrainWordPieceOptions {
  /** Tokens in all: special ones, the bytes at the start of words and inside them, and what is learnt. */
  vocabularySize: number;
  /** Get the ids from 0 on; [UNK], [CLS] and [SEP] must be among them. Default: BERT's. */
  specialTokens?: readonly string[];
  /** Whether letters are lowered and accents stripped. Default true. */
  lowercase?: boolean;
  /** Pairs that occur less often are not joined. Default 1. */
  minFrequency?: number;
  onProgress?: (progress: TrainingProgress) => void;
}

export const BERT_TOKENS: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

const PREFIX = "##";
/** BERT's own limit of 100 characters would make longer words unknown. */
const LONGEST_WORD = 0x7fffffff;

const tokenItem = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const textItem = (id: string, type_id: number) => ({ Sequence: { id, type_id } });

/** [CLS] A [SEP], or [CLS] A [SEP] B [SEP]. */
function bertFrame(specialTokens: readonly string[]): TokenizerPart {
  const single = [tokenItem("[CLS]", 0), textItem("A", 0), tokenItem("[SEP]", 0)];
  const entries = ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [specialTokens.indexOf(id)], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, textItem("B", 1), tokenItem("[SEP]", 1)],
    special_tokens: Object.fromEntries(entries),
  };
}

/**
 * Joins the most frequent pair again and again, as Hugging Face's WordPieceTrainer does, but always in the same order.
 *
 * @throws {TokenizerError} when an option is impossible or there is no text.
 */
export async function trainWordPiece(texts: Texts, options: TrainWordPieceOptions): Promise<TokenizerJson> {
  const { vocabularySize, specialTokens = BERT_TOKENS, lowercase = true, minFrequency = 1, onProgress } = options;
  for (const token of ["[UNK]", "[CLS]", "[SEP]"]) {
    if (!specialTokens.includes(token))
      throw new TokenizerError(`the special tokens of WordPiece must include ${token}`);
  }
  const alphabet = [...byteToCharacter].sort();
  const tokens = [...new Set([...specialTokens, ...alphabet, ...alphabet.map((character) => PREFIX + character)])];
  checkVocabulary({ vocabularySize, specialTokens, needed: tokens.length });

  const normalizer = {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase,
  };
  const corpus = await countWords(
    texts,
    { normalizer: createBertNormalizer(bertTextOptions(normalizer)), readWords: createBertWordReader() },
    (progress) => onProgress?.({ stage: "read", ...progress }),
  );
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const learned = learnMerges(corpus, {
    tokens,
    byteIds: byteToCharacter.map((character) => idOf.get(character)!),
    innerByteIds: byteToCharacter.map((character) => idOf.get(PREFIX + character)!),
    prefix: PREFIX,
    vocabularySize,
    minFrequency,
    onMerge: (size) => onProgress?.({ stage: "merge", size, vocabularySize }),
  });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addSpecialTokens(specialTokens),
    normalizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "BertPreTokenizer" },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: bertFrame(specialTokens),
    // The blanks between words have to be written in the alphabet too, before bytes are made of it.
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "WordPiece", prefix: PREFIX, cleanup: true },
        { type: "Replace", pattern: { String: " " }, content: byteToCharacter[0x20] },
        { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      ],
    },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: PREFIX,
      max_input_chars_per_word: LONGEST_WORD,
      vocab: Object.fromEntries(learned.tokens.map((token, id) => [token, id])),
    },
  };
}
