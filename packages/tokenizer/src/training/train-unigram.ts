// Training a Unigram tokenizer, the kind of T5 and XLNet, from a stream of documents. Characters that are too rare to be
// pieces are spelt in bytes, so that no text is unknown.

import { TokenizerError } from "../errors.ts";
import type { TokenizerJson, TokenizerPart } from "../json/tokenizer-json.ts";
import { byteToken } from "../models/unigram-model.ts";
import { createMetaspaceReader, MARK, metaspaceOptions } from "../text/metaspace.ts";
import { createNormalizer, type NormalizationForm } from "../text/normalizer.ts";
import { addSpecialTokens, checkVocabulary, type TrainingProgress } from "./options.ts";
import { learnPieces } from "./unigram-trainer.ts";
import { countWords, type Texts } from "./word-counts.ts";

export interface TrainUnigramOptions {
  /** Tokens in all: special ones, 256 bytes, characters, and what is learnt. */
  vocabularySize: number;
  /** Whose special tokens are the default, and whose frame is put around a text. Default `t5`. */
  family?: "t5" | "xlnet";
  /** Get the ids from 0 on; `<unk>` and those of the family's frame must be among them. */
  specialTokens?: readonly string[];
  /** Unicode's form that text is brought into; `none` leaves it as it is. Default `NFKC`. */
  normalization?: NormalizationForm | "none";
  /** Share of all characters that become pieces, the most frequent first. Default 0.9995. */
  characterCoverage?: number;
  onProgress?: (progress: TrainingProgress) => void;
}

/** T5's, its 100 sentinels among them. */
export const T5_TOKENS: readonly string[] = [
  "<pad>",
  "</s>",
  "<unk>",
  ...Array.from({ length: 100 }, (_, index) => `<extra_id_${index}>`),
];

export const XLNET_TOKENS: readonly string[] = [
  "<unk>",
  "<s>",
  "</s>",
  "<cls>",
  "<sep>",
  "<pad>",
  "<mask>",
  "<eod>",
  "<eop>",
];

const FAMILIES = {
  t5: { tokens: T5_TOKENS, after: ["</s>"] },
  xlnet: { tokens: XLNET_TOKENS, after: ["<sep>", "<cls>"] },
};

/** The text and the family's tokens behind it. */
function frame(after: readonly string[], specialTokens: readonly string[]): TokenizerPart {
  const items = after.map((id) => ({ SpecialToken: { id, type_id: 0 } }));
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  const entries = after.map((id) => [id, { id, ids: [specialTokens.indexOf(id)], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single: [text("A"), ...items],
    pair: [text("A"), ...items.slice(0, 1), text("B"), ...items],
    special_tokens: Object.fromEntries(entries),
  };
}

/**
 * @throws {TokenizerError} when an option is impossible, there is no text, or the characters alone do not fit.
 */
export async function trainUnigram(texts: Texts, options: TrainUnigramOptions): Promise<TokenizerJson> {
  const { vocabularySize, family = "t5", normalization = "NFKC", characterCoverage = 0.9995, onProgress } = options;
  const { tokens, after } = FAMILIES[family];
  const { specialTokens = tokens } = options;
  for (const token of ["<unk>", ...after]) {
    if (!specialTokens.includes(token))
      throw new TokenizerError(`the special tokens of ${family} must include ${token}`);
  }
  const bytes = Array.from({ length: 256 }, (_, byte) => byteToken(byte));
  checkVocabulary({ vocabularySize, specialTokens, needed: specialTokens.length + bytes.length + 1 });

  const metaspace = { type: "Metaspace", replacement: MARK, prepend_scheme: "first", split: true };
  const corpus = await countWords(
    texts,
    {
      normalizer: normalization === "none" ? undefined : createNormalizer({ type: normalization }),
      readWords: createMetaspaceReader(metaspaceOptions(metaspace)),
    },
    (progress) => onProgress?.({ stage: "read", ...progress }),
  );
  const { pieces } = learnPieces(corpus, {
    size: vocabularySize - specialTokens.length - bytes.length,
    characterCoverage,
    onRound: (size) => onProgress?.({ stage: "prune", size, vocabularySize }),
  });
  // A text may spell the name of a byte token: it must never be cheaper than the six characters.
  const byteScore = 8 * pieces.at(-1)!.score - 10;
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addSpecialTokens(specialTokens),
    normalizer: normalization === "none" ? null : { type: normalization },
    pre_tokenizer: metaspace,
    post_processor: frame(after, specialTokens),
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
      unk_id: specialTokens.indexOf("<unk>"),
      byte_fallback: true,
      vocab: [
        ...specialTokens.map((token) => [token, 0]),
        ...bytes.map((token) => [token, byteScore]),
        ...pieces.map((piece) => [utf8.decode(piece.bytes), piece.score]),
      ],
    },
  };
}
