/**
 * Creates the model that a tokenizer.json describes.
 */
import { TokenizerError } from "../errors.ts";
import { createBpeModel } from "../models/bpe-model.ts";
import { createByteLevelBpeModel } from "../models/byte-level-bpe-model.ts";
import { mergesById } from "../models/merges.ts";
import type { WordEncoder } from "../models/model.ts";
import { createSentencePieceUnigram } from "../models/sentencepiece-unigram.ts";
import { createUnigramModel, type UnigramOptions } from "../models/unigram-model.ts";
import { createWordLevelModel } from "../models/wordlevel-model.ts";
import { createWordPieceModel } from "../models/wordpiece-model.ts";
import { bytesOfToken, byteToCharacter } from "../text/byte-alphabet.ts";
import { countCharacters } from "../text/characters.ts";
import { PartFields, shown } from "./part-fields.ts";
import { type BpeModel, mergesOf, type TokenizerJson } from "./tokenizer-json.ts";

/** A model, and whether its words are raw bytes rather than text in the byte-level alphabet. */
export interface CreatedModel {
  encodeWord: WordEncoder;
  takesBytes: boolean;
  /** Of a model that has a cache of its own, and whose words depend on those before: starts a text. */
  startText?: () => void;
}

/** Tokens that a model must not produce. */
type Hidden = ReadonlySet<string>;

/** Without the hidden tokens. */
const visible = (vocabulary: ReadonlyMap<string, number>, hidden: Hidden): ReadonlyMap<string, number> =>
  hidden.size === 0 ? vocabulary : new Map([...vocabulary].filter(([token]) => !hidden.has(token)));

function createBpe(
  fields: PartFields,
  model: BpeModel,
  { isByteLevel, hidden }: { isByteLevel: boolean; hidden: Hidden },
): CreatedModel {
  const dropout = fields.raw("dropout") ?? 0;
  if (dropout !== 0) fields.fail(`dropout ${shown(dropout)} makes ids random: set it to null`);
  const vocabulary = new Map(Object.entries(model.vocab));
  const prefix = fields.optionalText("continuing_subword_prefix") ?? "";
  const unknownToken = fields.optionalText("unk_token");
  const hiddenIds = new Set([...hidden].map((token) => vocabulary.get(token)));
  const options = {
    vocabulary: visible(vocabulary, hidden),
    merges: mergesById(mergesOf(model), vocabulary, prefix).filter(({ merged }) => !hiddenIds.has(merged)),
    prefix,
    suffix: fields.optionalText("end_of_word_suffix") ?? "",
    unknownToken,
    unknown: unknownToken === undefined ? undefined : vocabulary.get(unknownToken),
    fuseUnknown: fields.flag("fuse_unk", false),
    byteFallback: fields.flag("byte_fallback", false),
    ignoreMerges: fields.flag("ignore_merges", false),
  };
  const hasAllBytes = byteToCharacter.every((character) => vocabulary.has(character));
  const takesBytes = isByteLevel && hasAllBytes && options.prefix === "" && options.suffix === "";
  return { encodeWord: takesBytes ? createByteLevelBpeModel(options) : createBpeModel(options), takesBytes };
}

function createWordPiece(
  fields: PartFields,
  vocabulary: ReadonlyMap<string, number>,
  { isByteLevel, hidden }: { isByteLevel: boolean; hidden: Hidden },
): CreatedModel {
  const encoder = new TextEncoder();
  const encodeWord = createWordPieceModel({
    vocabulary: visible(vocabulary, hidden),
    prefix: fields.text("continuing_subword_prefix", "##"),
    unknown: vocabulary.get(fields.text("unk_token", "[UNK]")),
    longestWord: fields.count("max_input_chars_per_word", { fallback: 100 }),
    countCharacters: isByteLevel ? (_bytes, start, end) => end - start : countCharacters,
    bytesOf: isByteLevel ? bytesOfToken : (text) => encoder.encode(text),
  });
  return { encodeWord, takesBytes: isByteLevel };
}

/**
 * Creates the model of a checked tokenizer.json. `isByteLevel`: whether the pre-tokenizer's last step writes words in the
 * byte-level alphabet, which can be left out for some models. `hidden`: tokens that the model must not produce.
 *
 * @throws {TokenizerError} if the model is invalid or not supported.
 */
export function createModel(
  { model }: TokenizerJson,
  { isByteLevel, hidden = new Set() }: { isByteLevel: boolean; hidden?: Hidden },
): CreatedModel {
  const fields = new PartFields(model);
  switch (fields.type) {
    case "BPE":
      return createBpe(fields, model as BpeModel, { isByteLevel, hidden });
    case "WordPiece":
      return createWordPiece(fields, new Map(Object.entries(model.vocab as Record<string, number>)), {
        isByteLevel,
        hidden,
      });
    case "WordLevel": {
      const vocabulary = new Map(Object.entries(model.vocab as Record<string, number>));
      const unknown = vocabulary.get(fields.text("unk_token", "<unk>"));
      return { encodeWord: createWordLevelModel(visible(vocabulary, hidden), unknown), takesBytes: false };
    }
    case "Unigram": {
      if ((fields.raw("alpha") ?? 0) !== 0) fields.fail("alpha makes ids random: set it to null");
      const pieces = model.vocab as [string, number][];
      const unknown = fields.raw("unk_id") ?? undefined;
      if (unknown !== undefined && fields.count("unk_id") >= pieces.length)
        fields.fail("unk_id is not in the vocabulary");
      const byteFallback = fields.flag("byte_fallback", false);
      const options: UnigramOptions = {
        // Nothing is spelled by an empty token.
        pieces: hidden.size === 0 ? pieces : pieces.map(([token, score]) => [hidden.has(token) ? "" : token, score]),
        unknown: unknown as number | undefined,
        byteFallback,
        lowestScore: fields.optionalNumber("lowest_score"),
      };
      if (fields.flag("single_precision", false)) return { ...createSentencePieceUnigram(options), takesBytes: false };
      return { encodeWord: createUnigramModel(options), takesBytes: false };
    }
    default:
      throw new TokenizerError(
        `unsupported model ${shown(fields.type)}: expected BPE, Unigram, WordLevel or WordPiece`,
      );
  }
}
