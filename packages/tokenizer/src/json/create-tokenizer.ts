/**
 * Creates the tokenizer that a tokenizer.json describes.
 */
import { TokenizerError } from "../errors.ts";
import { cacheWords } from "../models/word-cache.ts";
import { bytesOfToken } from "../text/byte-alphabet.ts";
import { createByteLevelDecoder } from "../text/decoders/byte-level-decoder.ts";
import { createDecoder } from "../text/decoders/create-decoder.ts";
import { createStreamDecoder } from "../text/decoders/stream-decoder.ts";
import { createNormalizer } from "../text/normalizers/create-normalizer.ts";
import {
  createByteLevelPreTokenizer,
  createPreTokenizer,
  usesStartOfText,
} from "../text/pre-tokenizers/create-pre-tokenizer.ts";
import type { TokenBuffer } from "../token-buffer.ts";
import type { DecodeOptions, Tokenizer } from "../tokenizer.ts";
import { readAddedTokens } from "./added-vocabulary.ts";
import { assembleTokenizer, type PieceEncoder } from "./assemble-tokenizer.ts";
import { type CreatedModel, createModel } from "./create-model.ts";
import { hiddenTokens } from "./hidden-tokens.ts";
import { checkTokenizerJson } from "./parse-tokenizer-json.ts";
import { createPostProcessor } from "./post-processor.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import { readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Options of `createTokenizer`. */
export interface CreateTokenizerOptions {
  /** The special token that ends a document. Default: the first of the usual names, such as `<|endoftext|>` or `</s>`. */
  endOfText?: string;
}

const NO_BYTES = new Uint8Array();

function createDecoding({ decoder: part }: TokenizerJson, { decoded, special }: Vocabulary) {
  const isSkipped = new Uint8Array(decoded.length);
  // The reference looks special tokens up by what is decoded, which may differ from their content.
  for (const [token, id] of special) if (decoded[id] === token) isSkipped[id] = 1;
  if (part?.type === "ByteLevel") {
    const encoder = new TextEncoder();
    const bytes = decoded.map((token) =>
      token === undefined ? NO_BYTES : (bytesOfToken(token) ?? encoder.encode(token)),
    );
    return createByteLevelDecoder(bytes, isSkipped);
  }
  const decodeTokens = createDecoder(part);
  const decode = (ids: ArrayLike<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string => {
    const known = Array.from(ids).filter((id) => !(skipSpecialTokens && isSkipped[id] === 1));
    return decodeTokens(known.map((id) => decoded[id]).filter((token) => token !== undefined));
  };
  return {
    decode,
    createDecoder: (options?: DecodeOptions) => createStreamDecoder((ids) => decode(ids, options)),
  };
}

function create(json: TokenizerJson, options: CreateTokenizerOptions): Tokenizer {
  const normalizer = json.normalizer ? createNormalizer(json.normalizer) : undefined;
  const byteLevelWords = createByteLevelPreTokenizer(json.pre_tokenizer);
  const isByteLevel = byteLevelWords !== undefined;
  const model = createModel(json, { isByteLevel });
  const preTokenize = (model.takesBytes ? byteLevelWords : undefined) ?? createPreTokenizer(json.pre_tokenizer);
  const addedTokens = readAddedTokens(json, normalizer);
  const vocabulary = readVocabulary(json, addedTokens, options.endOfText);

  let target: TokenBuffer;
  const prepare = ({ encodeWord, startText }: CreatedModel) => {
    const encode = startText ? encodeWord : cacheWords(encodeWord);
    const visit = (bytes: Uint8Array, start: number, end: number): void => encode(bytes, start, end, target);
    return { visit, startText };
  };
  const usual = prepare(model);
  // Created when it is first needed: most tokenizers have no use for it.
  let forText: typeof usual | undefined;
  const createForText = () => {
    const hidden = hiddenTokens(json);
    return hidden.size === 0 ? usual : prepare(createModel(json, { isByteLevel, hidden }));
  };
  const encodePiece: PieceEncoder = (bytes, start, end, buffer, head, kept) => {
    target = buffer;
    if (kept) forText ??= createForText();
    const { visit, startText } = kept ? forText! : usual;
    startText?.();
    preTokenize(bytes, start, end, visit, head);
  };
  return assembleTokenizer({
    json,
    vocabulary,
    addedTokens,
    normalizer,
    postProcessor: createPostProcessor(json.post_processor),
    encodePiece,
    usesHead: usesStartOfText(json.pre_tokenizer),
    decoding: createDecoding(json, vocabulary),
  });
}

/**
 * Creates a tokenizer from the contents of a tokenizer.json. Truncation and padding are left to the caller: a text is
 * always encoded as a whole.
 *
 * @throws {TokenizerError} if the file is invalid or uses something unsupported, which the error names.
 */
export async function createTokenizer(json: TokenizerJson, options: CreateTokenizerOptions = {}): Promise<Tokenizer> {
  const checked = checkTokenizerJson(json, "the tokenizer");
  try {
    return create(checked, options);
  } catch (error) {
    if (error instanceof RangeError) throw new TokenizerError(`the tokenizer is too large: ${error.message}`);
    throw error;
  }
}
