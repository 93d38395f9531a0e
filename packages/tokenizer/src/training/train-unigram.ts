/**
 * Trains a Unigram tokenizer like SentencePiece's. Characters that are too rare to be pieces are spelled in bytes, so that
 * every text can be encoded.
 */
import type { TokenizerJson } from "../json/tokenizer-json.ts";
import { byteToken } from "../models/byte-token.ts";
import { createNormalizer } from "../text/normalizers/create-normalizer.ts";
import { createPreTokenizer } from "../text/pre-tokenizers/create-pre-tokenizer.ts";
import { MARK } from "../text/pre-tokenizers/metaspace-pre-tokenizer.ts";
import type { NormalizationForm } from "../text/unicode/normalization.ts";
import { requireSpecialTokens, templateProcessing } from "./template.ts";
import { addedSpecialTokens, checkVocabulary, type TrainingOptions } from "./training-options.ts";
import { learnPieces } from "./unigram-trainer.ts";
import { countWords, type Texts } from "./word-counts.ts";

/**
 * Options of `trainUnigram`. Default special tokens: `<pad>`, `</s>`, `<unk>`, which is required, and the sentinels
 * `<extra_id_0>` to `<extra_id_99>`; default template: `$A </s>`.
 */
export interface TrainUnigramOptions extends TrainingOptions {
  /** The Unicode normalization form of the text, or `none`. Default `NFKC`. */
  normalization?: NormalizationForm | "none";
  /** Share of all characters that become pieces, the most frequent first. Default 0.9995. */
  characterCoverage?: number;
}

const UNKNOWN = "<unk>";
const SPECIAL_TOKENS: readonly string[] = [
  "<pad>",
  "</s>",
  UNKNOWN,
  ...Array.from({ length: 100 }, (_, index) => `<extra_id_${index}>`),
];
const TEMPLATE = { single: "$A </s>", pair: "$A </s> $B </s>" };

/**
 * Trains a Unigram tokenizer (Kudo 2018, https://arxiv.org/abs/1804.10959).
 *
 * @throws {TokenizerError} if an option is invalid, there is no text, or the characters alone exceed the vocabulary.
 */
export async function trainUnigram(texts: Texts, options: TrainUnigramOptions): Promise<TokenizerJson> {
  const { vocabularySize, normalization = "NFKC", characterCoverage = 0.9995, onProgress } = options;
  const { specialTokens = SPECIAL_TOKENS, template = TEMPLATE } = options;
  requireSpecialTokens(specialTokens, [UNKNOWN]);
  const postProcessor = templateProcessing(template, specialTokens);
  const bytes = Array.from({ length: 256 }, (_, byte) => byteToken(byte));
  checkVocabulary({ vocabularySize, specialTokens, needed: specialTokens.length + bytes.length + 1 });

  const normalizer = normalization === "none" ? null : { type: normalization };
  const metaspace = { type: "Metaspace", replacement: MARK, prepend_scheme: "first", split: true };
  const corpus = await countWords(
    texts,
    {
      normalizer: normalizer ? createNormalizer(normalizer) : undefined,
      preTokenize: createPreTokenizer(metaspace),
    },
    (progress) => onProgress?.({ stage: "read", ...progress }),
  );
  const { pieces } = learnPieces(corpus, {
    size: vocabularySize - specialTokens.length - bytes.length,
    characterCoverage,
    onRound: (size) => onProgress?.({ stage: "prune", size, vocabularySize }),
  });
  // A text may contain the name of a byte token: it must never score higher than its six characters.
  const byteScore = 8 * pieces.at(-1)!.score - 10;
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedSpecialTokens(specialTokens),
    normalizer,
    pre_tokenizer: metaspace,
    post_processor: postProcessor,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: MARK }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "Unigram",
      unk_id: specialTokens.indexOf(UNKNOWN),
      byte_fallback: true,
      vocab: [
        ...specialTokens.map((token) => [token, 0]),
        ...bytes.map((token) => [token, byteScore]),
        ...pieces.map((piece) => [utf8.decode(piece.bytes), piece.score]),
      ],
    },
  };
}
