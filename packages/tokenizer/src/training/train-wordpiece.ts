/**
 * Trains a WordPiece tokenizer like BERT's. Its alphabet is all 256 bytes, at the start of a word and inside it, so that
 * every text can be encoded; like BERT's, it does not preserve white space.
 */
import type { TokenizerJson } from "../json/tokenizer-json.ts";
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { createNormalizer } from "../text/normalizers/create-normalizer.ts";
import { createBertPreTokenizer } from "../text/pre-tokenizers/bert-pre-tokenizer.ts";
import { requireSpecialTokens, templateProcessing } from "./template.ts";
import { type MergeTrainingOptions, trainMerges } from "./train-merges.ts";
import { addedSpecialTokens } from "./training-options.ts";
import type { Texts } from "./word-counts.ts";

/**
 * Options of `trainWordPiece`. Default special tokens: `[PAD] [UNK] [CLS] [SEP] [MASK]`, of which `[UNK]` is required;
 * default template: `[CLS] $A [SEP]`.
 */
export interface TrainWordPieceOptions extends MergeTrainingOptions {
  /** Whether to lowercase letters and strip accents. Default true. */
  lowercase?: boolean;
}

const SPECIAL_TOKENS: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const TEMPLATE = { single: "[CLS] $A [SEP]", pair: "[CLS] $A [SEP] $B:1 [SEP]:1" };
const UNKNOWN = "[UNK]";
const PREFIX = "##";
/** BERT's own limit of 100 characters would make longer words unknown. */
const LONGEST_WORD = 0x7fffffff;

/**
 * Trains a WordPiece tokenizer: repeatedly joins the most frequent pair, as Hugging Face's WordPieceTrainer does, but
 * with a fixed order of equally frequent pairs.
 *
 * @throws {TokenizerError} if an option is invalid or there is no text.
 */
export async function trainWordPiece(texts: Texts, options: TrainWordPieceOptions): Promise<TokenizerJson> {
  const { specialTokens = SPECIAL_TOKENS, template = TEMPLATE, lowercase = true } = options;
  requireSpecialTokens(specialTokens, [UNKNOWN]);
  const postProcessor = templateProcessing(template, specialTokens);
  const normalizer = {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase,
  };
  const { tokens } = await trainMerges(texts, options, {
    specialTokens,
    prefix: PREFIX,
    normalizer: createNormalizer(normalizer),
    preTokenize: createBertPreTokenizer(),
  });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedSpecialTokens(specialTokens),
    normalizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "BertPreTokenizer" },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: postProcessor,
    // The blanks between words must be written in the byte alphabet too, before it is decoded.
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
      unk_token: UNKNOWN,
      continuing_subword_prefix: PREFIX,
      max_input_chars_per_word: LONGEST_WORD,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
}
