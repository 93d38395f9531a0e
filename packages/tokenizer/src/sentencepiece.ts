/**
 * Converts SentencePiece models (.model files) to tokenizer.json, such that every text gets the same ids here as from
 * SentencePiece.
 */
import { TokenizerError } from "./errors.ts";
import { createModel } from "./json/create-model.ts";
import type { AddedToken, TokenizerJson, TokenizerPart } from "./json/tokenizer-json.ts";
import { type FramedModel, frameOf } from "./sentencepiece/frames.ts";
import { escaped, isolate, isUsable, unigramGuards, wordGuards } from "./sentencepiece/guards.ts";
import { mergesOfScores } from "./sentencepiece/merges.ts";
import { normalizerOf } from "./sentencepiece/normalizers.ts";
import { parseSentencePiece, type SentencePieceModel } from "./sentencepiece/parse-model.ts";
import { MARK } from "./text/pre-tokenizers/metaspace-pre-tokenizer.ts";
import { createTokenBuffer } from "./token-buffer.ts";
import type { TokenizerConfig } from "./vocabulary-files/tokenizer-config.ts";

export type { TokenizerConfig };

const metaspace = (replacement: string, scheme: "always" | "first" | "never", split: boolean): TokenizerPart => ({
  type: "Metaspace",
  replacement,
  prepend_scheme: scheme,
  split,
});

/** Whether splitting before every mark changes nothing: no piece has one further inside, and the mark is never unknown. */
const maySplit = ({ pieces }: SentencePieceModel): boolean =>
  !pieces.some((each) => isUsable(each) && each.piece.lastIndexOf(MARK) > 0) &&
  pieces.some((each) => isUsable(each) && each.piece === MARK);

function preTokenizerOf({ model, addsBlankAfterTokens }: FramedModel, splits: TokenizerPart[]): TokenizerPart {
  const { addsBlank, blankIsSuffix } = model;
  const pretokenizers: TokenizerPart[] = [];
  // The normalizer leaves no blanks, so that this one adds a blank even before a mark.
  if (addsBlank && !blankIsSuffix) pretokenizers.push(metaspace(" ", addsBlankAfterTokens ? "always" : "first", false));
  if (splits.length > 0) pretokenizers.push(metaspace(MARK, "never", false), ...splits);
  pretokenizers.push(metaspace(MARK, "never", maySplit(model)));
  return { type: "Sequence", pretokenizers };
}

/** More blanks than any text starts with. */
const MANY = 1 << 16;

function decoderOf({ addsBlank, removesBlanks }: SentencePieceModel): TokenizerPart {
  const decoders: TokenizerPart[] = [
    { type: "Replace", pattern: { String: MARK }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
  ];
  // Where blanks at the start are removed from texts, all of them are.
  if (addsBlank || removesBlanks)
    decoders.push({ type: "Strip", content: " ", start: removesBlanks ? MANY : 1, stop: 0 });
  return { type: "Sequence", decoders };
}

/** Whether every piece, as a whole word, is encoded as itself, so that merges may be ignored for whole words. */
function areWordsThemselves(model: TokenizerPart, { pieces }: SentencePieceModel): boolean {
  const { encodeWord } = createModel({ model }, { isByteLevel: false });
  const encoder = new TextEncoder();
  const buffer = createTokenBuffer();
  return pieces.every(({ piece, type }, id) => {
    if (type !== "normal") return true;
    buffer.length = 0;
    const bytes = encoder.encode(piece);
    encodeWord(bytes, 0, bytes.length, buffer);
    return buffer.length === 1 && buffer.ids[0] === id;
  });
}

function convert(
  model: SentencePieceModel,
  name: string,
): { model: TokenizerPart; splits: TokenizerPart[]; added: AddedToken[] } {
  const { pieces, type, byteFallback } = model;
  const added = pieces.flatMap(({ piece, type }, id): AddedToken[] => {
    if (type !== "control" && type !== "unknown") return [];
    return [{ id, content: piece, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }];
  });
  const unknown = pieces.findIndex((piece) => piece.type === "unknown");
  if (unknown < 0) throw new TokenizerError(`${name} is not a SentencePiece model: it has no unknown piece`);
  if (type === "unigram") {
    const { scores, lowest, splits } = unigramGuards(pieces, { name, byteFallback });
    const vocab = pieces.map(({ piece }, id) => [piece, scores[id]!]);
    // For Hugging Face's tokenizers, the last two fields have no effect.
    const own = { single_precision: true, lowest_score: lowest };
    const unigram = { type: "Unigram", unk_id: unknown, byte_fallback: byteFallback, vocab, ...own };
    return { model: unigram, splits, added };
  }
  const bpe = {
    type: "BPE",
    dropout: null,
    unk_token: pieces[unknown]!.piece,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(pieces.map(({ piece }, id) => [piece, id])),
    merges: type === "bpe" ? mergesOfScores(pieces) : [],
  };
  const symbols = pieces.filter((piece) => piece.type === "userDefined").map(({ piece }) => piece);
  if (symbols.length === 0) return { model: bpe, splits: [], added };
  const isPlain = model.characterMap === "" && !model.addsBlank && !model.removesBlanks;
  if (isPlain && !symbols.some((symbol) => symbol.includes(MARK))) {
    const tokens = pieces.flatMap(({ piece, type }, id): AddedToken[] => {
      if (type !== "userDefined") return [];
      return [
        { id, content: piece, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false },
      ];
    });
    return { model: bpe, splits: [], added: [...added, ...tokens].sort((one, other) => one.id - other.id) };
  }
  // Symbols are words of their own, and whole words are not merged.
  if (!areWordsThemselves(bpe, model))
    throw new TokenizerError(
      `${name}: SentencePiece models of type ${type} with user-defined symbols, and with pieces that are not encoded as themselves, are not supported`,
    );
  const pattern = symbols
    .sort((one, other) => other.length - one.length)
    .map(escaped)
    .join("|");
  const splits = [...wordGuards(pieces, { name, byteFallback }), isolate(pattern)];
  return { model: { ...bpe, ignore_merges: true }, splits, added };
}

/**
 * Converts a SentencePiece model (unigram, bpe or char) to a tokenizer.json. Which special tokens surround a text depends on
 * the language model that uses the vocabulary: `config`, the contents of its tokenizer_config.json, names the tokenizer's class.
 * Without it, there are none.
 * `name` is the file's name in errors.
 *
 * Hugging Face's tokenizers, which load the file too, map characters by grapheme cluster and sum scores in 64 bits: texts with
 * combining characters and long runs of one character may get other ids there, as from transformers' own conversion.
 *
 * @throws {TokenizerError} if the bytes are not such a model, it uses something unsupported, or protobufjs is not installed.
 */
export async function readSentencePiece(
  bytes: Uint8Array,
  name = "the file",
  config: TokenizerConfig = {},
): Promise<TokenizerJson> {
  const framed = frameOf(await parseSentencePiece(bytes, name), config, name);
  const parsed = framed.model;
  const { model, splits, added } = convert(parsed, name);
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...added, ...framed.added],
    normalizer: normalizerOf(parsed, framed.normalizers),
    pre_tokenizer: preTokenizerOf(framed, splits),
    post_processor: framed.postProcessor,
    decoder: decoderOf(parsed),
    model,
  };
}
