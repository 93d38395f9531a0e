/**
 * Converts SentencePiece models (.model files) to tokenizer.json. The protocol buffer is parsed by protobufjs, an optional
 * peer dependency. https://github.com/google/sentencepiece, src/sentencepiece_model.proto
 */
import { TokenizerError } from "./errors.ts";
import type { AddedToken, TokenizerJson, TokenizerPart } from "./json/tokenizer-json.ts";
import { MARK } from "./text/pre-tokenizers/metaspace-pre-tokenizer.ts";

const field = (id: number, type: string, rule?: "repeated") => (rule ? { id, type, rule } : { id, type });

// In later editions, a field that has its default value would look like a missing one.
const message = (fields: Record<string, ReturnType<typeof field>>) => ({ edition: "proto2", fields });

/** The messages, with only the fields that a tokenizer needs. */
const MESSAGES = {
  nested: {
    ModelProto: message({
      pieces: field(1, "SentencePiece", "repeated"),
      trainerSpec: field(2, "TrainerSpec"),
      normalizerSpec: field(3, "NormalizerSpec"),
    }),
    SentencePiece: message({ piece: field(1, "string"), score: field(2, "float"), type: field(3, "int32") }),
    TrainerSpec: message({
      modelType: field(3, "int32"),
      byteFallback: field(35, "bool"),
      unkPiece: field(45, "string"),
    }),
    NormalizerSpec: message({
      precompiledCharsmap: field(2, "bytes"),
      addDummyPrefix: field(3, "bool"),
      removeExtraWhitespaces: field(4, "bool"),
    }),
  },
};

interface Model {
  pieces?: { piece: string; score?: number; type?: number }[];
  trainerSpec?: { modelType?: number; byteFallback?: boolean; unkPiece?: string };
  normalizerSpec?: { precompiledCharsmap?: string; addDummyPrefix?: boolean; removeExtraWhitespaces?: boolean };
}

const MODEL = { unigram: 1, bpe: 2 };
const PIECE = { unknown: 2, control: 3, userDefined: 4 };

async function parse(bytes: Uint8Array, name: string): Promise<Model> {
  const protobuf = await import("protobufjs/light.js").catch(() => {
    throw new TokenizerError("SentencePiece models need the package protobufjs: npm install protobufjs@8");
  });
  const type = protobuf.default.Root.fromJSON(MESSAGES).lookupType("ModelProto");
  try {
    return type.toObject(type.decode(bytes), { bytes: String }) as Model;
  } catch (error) {
    throw new TokenizerError(`${name} is not a SentencePiece model: ${(error as Error).message}`);
  }
}

/** Derives merges from pieces and scores: all pairs of pieces that form another piece. */
function mergesOfScores(pieces: readonly [string, number][]): [string, string][] {
  const idOf = new Map(pieces.map(([piece], id) => [piece, id]));
  const merges = pieces.flatMap(([piece, score]) => {
    const characters = [...piece];
    return characters
      .slice(1)
      .map((_, index) => [characters.slice(0, index + 1).join(""), characters.slice(index + 1).join("")] as const)
      .filter(([left, right]) => idOf.has(left) && idOf.has(right))
      .sort((one, other) => idOf.get(one[0])! - idOf.get(other[0])! || idOf.get(one[1])! - idOf.get(other[1])!)
      .map(([left, right]) => ({ left, right, score }));
  });
  return merges.sort((one, other) => other.score - one.score).map(({ left, right }) => [left, right]);
}

function normalizerOf({ precompiledCharsmap, removeExtraWhitespaces = true }: NonNullable<Model["normalizerSpec"]>) {
  const normalizers = [];
  if (precompiledCharsmap) normalizers.push({ type: "Precompiled", precompiled_charsmap: precompiledCharsmap });
  if (removeExtraWhitespaces) {
    // A leading blank replaces the one that the pre-tokenizer would add.
    normalizers.push({ type: "Strip", strip_left: false, strip_right: true });
    normalizers.push({ type: "Replace", pattern: { Regex: " {2,}" }, content: " " });
  }
  return normalizers.length === 0 ? null : { type: "Sequence", normalizers };
}

/**
 * Converts a SentencePiece model, Unigram or BPE, to a tokenizer.json. It has no post-processor, because which special
 * tokens surround a text depends on the language model that uses the vocabulary. `name` is the file's name in errors.
 *
 * @throws {TokenizerError} if the bytes are not such a model, or protobufjs is not installed.
 */
export async function readSentencePiece(bytes: Uint8Array, name = "the file"): Promise<TokenizerJson> {
  const { pieces = [], trainerSpec = {}, normalizerSpec = {} } = await parse(bytes, name);
  const { modelType = MODEL.unigram, byteFallback = false, unkPiece = "<unk>" } = trainerSpec;
  if (pieces.length === 0) throw new TokenizerError(`${name} is not a SentencePiece model: it has no pieces`);
  if (modelType !== MODEL.unigram && modelType !== MODEL.bpe) {
    throw new TokenizerError(
      `${name}: unsupported SentencePiece model type ${modelType}: expected Unigram (1) or BPE (2)`,
    );
  }
  const nameless = pieces.findIndex(({ piece }) => piece === undefined);
  if (nameless >= 0) throw new TokenizerError(`${name} is not a SentencePiece model: piece ${nameless} has no text`);
  const scored = pieces.map(({ piece, score = 0 }): [string, number] => [piece, score]);
  const addedTokens = pieces.flatMap(({ piece, type }, id): AddedToken[] => {
    const special = type === PIECE.control || type === PIECE.unknown;
    if (!special && type !== PIECE.userDefined) return [];
    return [{ id, content: piece, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
  const hasPrefix = normalizerSpec.addDummyPrefix !== false;
  // Pieces with a blank inside can only match whole texts.
  const split = !pieces.some(({ piece }) => piece.lastIndexOf(MARK) > 0);
  const decoders: TokenizerPart[] = [
    { type: "Replace", pattern: { String: MARK }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
  ];
  if (hasPrefix) decoders.push({ type: "Strip", content: " ", start: 1, stop: 0 });

  const unigram = {
    type: "Unigram",
    unk_id: pieces.findIndex(({ type }) => type === PIECE.unknown),
    byte_fallback: byteFallback,
    vocab: scored,
  };
  const bpe = {
    type: "BPE",
    dropout: null,
    unk_token: unkPiece,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(scored.map(([piece], id) => [piece, id])),
    merges: modelType === MODEL.bpe ? mergesOfScores(scored) : [],
  };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: normalizerOf(normalizerSpec),
    pre_tokenizer: { type: "Metaspace", replacement: MARK, prepend_scheme: hasPrefix ? "first" : "never", split },
    post_processor: null,
    decoder: { type: "Sequence", decoders },
    model: modelType === MODEL.unigram ? unigram : bpe,
  };
}
