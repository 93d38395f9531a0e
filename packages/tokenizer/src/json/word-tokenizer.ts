// Tokenizers of every other kind: a text is normalized and cut into words by our own code or the library's, whichever
// knows the file's parts; each word is looked up or handed to the model, which is always ours.

import { createBpeModel } from "../models/bpe-model.ts";
import { createUnigramModel } from "../models/unigram-model.ts";
import { rememberWords } from "../models/word-cache.ts";
import { createWordPieceModel } from "../models/wordpiece-model.ts";
import { createBertWordReader } from "../text/bert-text.ts";
import { bytesOfToken } from "../text/byte-alphabet.ts";
import { countCharacters } from "../text/characters.ts";
import { createMetaspaceReader, metaspaceOptions } from "../text/metaspace.ts";
import { createNormalizer, normalizeText } from "../text/normalizer.ts";
import { createTextDecoder } from "../text/token-decoders.ts";
import { createWindowDecoder } from "../text/window-decoder.ts";
import type { WordReader } from "../text/word-scanner.ts";
import type { DecodeOptions, TokenBuffer, Tokenizer, WordEncoder } from "../tokenizer.ts";
import { assembleTokenizer, type PieceEncoder } from "./assemble.ts";
import { loadLibraryParts } from "./library.ts";
import type { Frame } from "./post-processor.ts";
import type { BpeModel, TokenizerJson, TokenizerPart } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How words are cut, and whether the model's tokens are written in the byte-level alphabet. */
interface Words {
  readWords: WordReader;
  byteLevel: boolean;
}

const isPlainByteLevel = (part: TokenizerPart | undefined): boolean =>
  part?.type === "ByteLevel" && part.use_regex === false && part.add_prefix_space === false;

function ownWords({ pre_tokenizer: part, model }: TokenizerJson): Words | undefined {
  if (!part) {
    const whole: WordReader = (bytes, start, end, visit) => {
      if (start < end) visit(bytes, start, end);
    };
    return { readWords: whole, byteLevel: false };
  }
  if (part.type === "Metaspace") return { readWords: createMetaspaceReader(metaspaceOptions(part)), byteLevel: false };
  if (part.type === "BertPreTokenizer") return { readWords: createBertWordReader(), byteLevel: false };
  if (part.type !== "Sequence") return undefined;
  const [first, second, ...more] = part.pretokenizers as TokenizerPart[];
  if (model.type !== "WordPiece" || first?.type !== "BertPreTokenizer" || !isPlainByteLevel(second) || more.length > 0)
    return undefined;
  return { readWords: createBertWordReader(), byteLevel: true };
}

function createModel({ model }: TokenizerJson, vocabulary: Vocabulary, byteLevel: boolean): WordEncoder {
  if (model.type === "Unigram") {
    return createUnigramModel({
      pieces: model.vocab as [string, number][],
      unknown: (model.unk_id as number | null | undefined) ?? undefined,
      byteFallback: model.byte_fallback === true,
    });
  }
  if (model.type === "BPE") return createBpeModel(model as BpeModel);
  const encoder = new TextEncoder();
  return createWordPieceModel({
    vocabulary: new Map(Object.entries(model.vocab as Record<string, number>)),
    prefix: (model.continuing_subword_prefix as string | undefined) ?? "##",
    unknown: vocabulary.idOf.get((model.unk_token as string | undefined) ?? "[UNK]"),
    longestWord: (model.max_input_chars_per_word as number | undefined) ?? 100,
    countCharacters: byteLevel ? (_bytes, start, end) => end - start : countCharacters,
    bytesOf: byteLevel ? bytesOfToken : (text) => encoder.encode(text),
  });
}

export async function createWordTokenizer(
  json: TokenizerJson,
  frame: Frame,
  vocabulary: Vocabulary,
): Promise<Tokenizer> {
  const ownNormal = json.normalizer ? createNormalizer(json.normalizer) : undefined;
  const own = ownWords(json);
  const ownDecode = createTextDecoder(json.decoder);
  const isCovered = own && ownDecode && (ownNormal || !json.normalizer);
  const library = isCovered ? undefined : await loadLibraryParts(json);
  const normalizer = json.normalizer ? (ownNormal ?? library!.normalizer) : undefined;
  const { readWords, byteLevel } = own ?? { readWords: library!.readWords, byteLevel: false };
  const decodeTokens = ownDecode ?? library!.decode;

  const encodeWord = rememberWords(createModel(json, vocabulary, byteLevel));
  let target: TokenBuffer;
  const visit = (bytes: Uint8Array, start: number, end: number): void => encodeWord(bytes, start, end, target);
  const encodePiece: PieceEncoder = (bytes, start, end, buffer, first) => {
    target = buffer;
    readWords(bytes, start, end, visit, first);
  };

  const addedTokens = (json.added_tokens ?? []).map((token) =>
    token.normalized ? { ...token, content: normalizeText(normalizer, token.content) } : token,
  );
  const added = new Map(addedTokens.map(({ id, content }) => [id, content]));
  const special = new Set(vocabulary.special.values());
  const decode = (ids: ArrayLike<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string => {
    const known = Array.from(ids).filter((id) => !(skipSpecialTokens && special.has(id)));
    const names = known.map((id) => added.get(id) ?? vocabulary.tokens[id]).filter((name) => name !== undefined);
    return decodeTokens(names);
  };
  return assembleTokenizer({
    json,
    vocabulary,
    addedTokens,
    normalizer,
    frame,
    encodePiece,
    decoding: { decode, createDecoder: (options) => createWindowDecoder((ids) => decode(ids, options)) },
  });
}
