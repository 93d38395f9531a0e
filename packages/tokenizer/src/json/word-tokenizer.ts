/**
 * Creates tokenizers other than byte-level BPE: a text is normalized and split into words by the code here or by the
 * library, and each word is encoded by the model.
 */
import { createBpeModel } from "../models/bpe-model.ts";
import type { WordEncoder } from "../models/model.ts";
import { createUnigramModel } from "../models/unigram-model.ts";
import { cacheWords } from "../models/word-cache.ts";
import { createWordPieceModel } from "../models/wordpiece-model.ts";
import { createBertPreTokenizer } from "../text/bert-pre-tokenizer.ts";
import { bytesOfToken } from "../text/byte-alphabet.ts";
import { countCharacters } from "../text/characters.ts";
import { createDecoder } from "../text/create-decoder.ts";
import { createNormalizer } from "../text/create-normalizer.ts";
import { createMetaspacePreTokenizer, metaspaceOptions } from "../text/metaspace-pre-tokenizer.ts";
import { normalizeText } from "../text/normalizer.ts";
import type { PreTokenizer } from "../text/pre-tokenizer.ts";
import { createStreamDecoder } from "../text/stream-decoder.ts";
import type { TokenBuffer } from "../token-buffer.ts";
import type { DecodeOptions, Tokenizer } from "../tokenizer.ts";
import { assembleTokenizer, type PieceEncoder } from "./assemble-tokenizer.ts";
import { loadLibraryParts } from "./library.ts";
import type { PostProcessor } from "./post-processor.ts";
import type { BpeModel, TokenizerJson, TokenizerPart } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How words are split, and whether the model's tokens are written in the byte-level alphabet. */
interface Words {
  preTokenize: PreTokenizer;
  byteLevel: boolean;
}

const isPlainByteLevel = (part: TokenizerPart | undefined): boolean =>
  part?.type === "ByteLevel" && part.use_regex === false && part.add_prefix_space === false;

function ownWords({ pre_tokenizer: part, model }: TokenizerJson): Words | undefined {
  if (!part) {
    const whole: PreTokenizer = (bytes, start, end, visit) => {
      if (start < end) visit(bytes, start, end);
    };
    return { preTokenize: whole, byteLevel: false };
  }
  if (part.type === "Metaspace")
    return { preTokenize: createMetaspacePreTokenizer(metaspaceOptions(part)), byteLevel: false };
  if (part.type === "BertPreTokenizer") return { preTokenize: createBertPreTokenizer(), byteLevel: false };
  if (part.type !== "Sequence") return undefined;
  const [first, second, ...more] = part.pretokenizers as TokenizerPart[];
  if (model.type !== "WordPiece" || first?.type !== "BertPreTokenizer" || !isPlainByteLevel(second) || more.length > 0)
    return undefined;
  return { preTokenize: createBertPreTokenizer(), byteLevel: true };
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

/** Creates a tokenizer that encodes words. */
export async function createWordTokenizer(
  json: TokenizerJson,
  postProcessor: PostProcessor,
  vocabulary: Vocabulary,
): Promise<Tokenizer> {
  const ownNormal = json.normalizer ? createNormalizer(json.normalizer) : undefined;
  const own = ownWords(json);
  const ownDecode = createDecoder(json.decoder);
  const isCovered = own && ownDecode && (ownNormal || !json.normalizer);
  const library = isCovered ? undefined : await loadLibraryParts(json);
  const normalizer = json.normalizer ? (ownNormal ?? library!.normalizer) : undefined;
  const { preTokenize, byteLevel } = own ?? { preTokenize: library!.preTokenize, byteLevel: false };
  const decodeTokens = ownDecode ?? library!.decode;

  const encodeWord = cacheWords(createModel(json, vocabulary, byteLevel));
  let target: TokenBuffer;
  const visit = (bytes: Uint8Array, start: number, end: number): void => encodeWord(bytes, start, end, target);
  const encodePiece: PieceEncoder = (bytes, start, end, buffer, first) => {
    target = buffer;
    preTokenize(bytes, start, end, visit, first);
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
    postProcessor,
    encodePiece,
    decoding: { decode, createDecoder: (options) => createStreamDecoder((ids) => decode(ids, options)) },
  });
}
