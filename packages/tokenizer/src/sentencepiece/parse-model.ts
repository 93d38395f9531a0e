/**
 * Parses SentencePiece models (.model files). The protocol buffer is read by protobufjs, an optional peer dependency.
 * https://github.com/google/sentencepiece, src/sentencepiece_model.proto
 */
import { TokenizerError } from "../errors.ts";

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
      treatWhitespaceAsSuffix: field(24, "bool"),
      byteFallback: field(35, "bool"),
    }),
    NormalizerSpec: message({
      precompiledCharsmap: field(2, "bytes"),
      addDummyPrefix: field(3, "bool"),
      removeExtraWhitespaces: field(4, "bool"),
      escapeWhitespaces: field(5, "bool"),
    }),
  },
};

interface ModelProto {
  pieces?: { piece?: string; score?: number; type?: number }[];
  trainerSpec?: {
    modelType?: number;
    treatWhitespaceAsSuffix?: boolean;
    byteFallback?: boolean;
  };
  normalizerSpec?: {
    precompiledCharsmap?: string;
    addDummyPrefix?: boolean;
    removeExtraWhitespaces?: boolean;
    escapeWhitespaces?: boolean;
  };
}

const MODEL_TYPES = ["", "unigram", "bpe", "word", "char"] as const;
const PIECE_TYPES = ["", "normal", "unknown", "control", "userDefined", "unused", "byte"] as const;

/** A piece of the vocabulary; its id is its index. */
export interface Piece {
  piece: string;
  /** A 32-bit float. */
  score: number;
  type: Exclude<(typeof PIECE_TYPES)[number], "">;
}

/** What a .model file says about encoding. */
export interface SentencePieceModel {
  type: "unigram" | "bpe" | "char";
  pieces: readonly Piece[];
  byteFallback: boolean;
  /** Whether a blank belongs to the word before it. */
  blankIsSuffix: boolean;
  /** The character map in base64; empty if there is none. */
  characterMap: string;
  /** Whether a text gets a blank in front (or at its end). */
  addsBlank: boolean;
  /** Whether blanks at both ends, and all but one of several, are removed. */
  removesBlanks: boolean;
}

async function loadModelType() {
  const protobuf = await import("protobufjs/light.js").catch(() => {
    throw new TokenizerError("SentencePiece models need the package protobufjs: npm install protobufjs@8");
  });
  return protobuf.default.Root.fromJSON(MESSAGES).lookupType("ModelProto");
}

let modelType: ReturnType<typeof loadModelType> | undefined;

async function parse(bytes: Uint8Array, name: string): Promise<ModelProto> {
  modelType ??= loadModelType();
  const type = await modelType;
  try {
    return type.toObject(type.decode(bytes), { bytes: String }) as ModelProto;
  } catch (error) {
    throw new TokenizerError(`${name} is not a SentencePiece model: ${(error as Error).message}`);
  }
}

/**
 * Parses a SentencePiece model. `name` is the file's name in errors.
 *
 * @throws {TokenizerError} if the bytes are not such a model, it is not supported, or protobufjs is not installed.
 */
export async function parseSentencePiece(bytes: Uint8Array, name: string): Promise<SentencePieceModel> {
  const { pieces = [], trainerSpec = {}, normalizerSpec = {} } = await parse(bytes, name);
  const unsupported = (what: string): never => {
    throw new TokenizerError(`${name}: SentencePiece models ${what} are not supported`);
  };
  if (pieces.length === 0) throw new TokenizerError(`${name} is not a SentencePiece model: it has no pieces`);
  const type = MODEL_TYPES[trainerSpec.modelType ?? 1];
  if (type !== "unigram" && type !== "bpe" && type !== "char")
    return unsupported(`of type ${type || trainerSpec.modelType} (only unigram, bpe and char)`);
  if (normalizerSpec.escapeWhitespaces === false) return unsupported("with escape_whitespaces off");
  const read = pieces.map(({ piece = "", score = 0, type = 1 }, id): Piece => {
    const kind = PIECE_TYPES[type];
    if (!kind) return unsupported(`with a piece of type ${type}`);
    if (piece === "") throw new TokenizerError(`${name} is not a SentencePiece model: piece ${id} has no text`);
    if (!Number.isFinite(score)) throw new TokenizerError(`${name}: the score of piece ${id} is ${score}`);
    if (kind === "unused") return unsupported("with unused pieces");
    if (kind === "userDefined" && piece.includes(" ")) return unsupported("with blanks in a user-defined symbol");
    return { piece, score, type: kind };
  });
  const ids = new Map(read.map(({ piece }, id) => [piece, id]));
  if (ids.size < read.length) {
    const repeated = read.find(({ piece }, id) => ids.get(piece) !== id)!;
    throw new TokenizerError(`${name}: the piece ${JSON.stringify(repeated.piece)} occurs twice`);
  }
  return {
    type,
    pieces: read,
    byteFallback: trainerSpec.byteFallback ?? false,
    blankIsSuffix: trainerSpec.treatWhitespaceAsSuffix ?? false,
    characterMap: normalizerSpec.precompiledCharsmap ?? "",
    addsBlank: normalizerSpec.addDummyPrefix ?? true,
    removesBlanks: normalizerSpec.removeExtraWhitespaces ?? true,
  };
}
