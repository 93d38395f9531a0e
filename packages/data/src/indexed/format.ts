/**
 * The layout of Megatron's indexed datasets. `<prefix>.bin` contains the tokens; `<prefix>.idx` contains a header, the
 * lengths and byte offsets of the sequences, and the document boundaries. Little-endian, packed (arrays are unaligned).
 */
import { DataError } from "../errors.ts";

/** How tokens are stored: u(nsigned) or i(nteger, signed) or f(loat), and the number of bits. */
export type TokenType = "u8" | "i8" | "i16" | "i32" | "i64" | "f64" | "f32" | "u16";

/** An element type as the format knows it. */
export interface TokenTypeInfo {
  name: TokenType;
  /** Code in the header of the index. */
  code: number;
  bytes: number;
}

/** All element types of the format. */
const TOKEN_TYPES: readonly TokenTypeInfo[] = [
  { name: "u8", code: 1, bytes: 1 },
  { name: "i8", code: 2, bytes: 1 },
  { name: "i16", code: 3, bytes: 2 },
  { name: "i32", code: 4, bytes: 4 },
  { name: "i64", code: 5, bytes: 8 },
  { name: "f64", code: 6, bytes: 8 },
  { name: "f32", code: 7, bytes: 4 },
  { name: "u16", code: 8, bytes: 2 },
];

/** Size of the header of an index. */
export const HEADER_BYTES = 34;
const magic = Buffer.from("MMIDIDX\0\0", "latin1");
const legacyMagic = Buffer.from("TNTIDX\0\0", "latin1");
/** fairseq's header lacks the number of document boundaries. */
const FAIRSEQ_HEADER_BYTES = 26;

/** The header of an index. */
export interface IndexHeader {
  type: TokenTypeInfo;
  sequences: number;
  /** Length of the array of document boundaries: documents + 1. */
  boundaries: number;
}

/** The type for ids of a vocabulary, chosen as Megatron does: u16 below 65,500 tokens, i32 otherwise. */
export function tokenTypeFor(vocabularySize: number): "u16" | "i32" {
  return vocabularySize < 65_500 ? "u16" : "i32";
}

/** An element type by its name. */
export function tokenType(name: TokenType): TokenTypeInfo {
  return TOKEN_TYPES.find((type) => type.name === name)!;
}

function indexBytes({ sequences, boundaries }: Omit<IndexHeader, "type">): number {
  return HEADER_BYTES + 12 * sequences + 8 * boundaries;
}

/** The bytes of a header. */
export function encodeHeader({ type, sequences, boundaries }: IndexHeader): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  magic.copy(header);
  header.writeBigUInt64LE(1n, 9);
  header.writeUInt8(type.code, 17);
  header.writeBigUInt64LE(BigInt(sequences), 18);
  header.writeBigUInt64LE(BigInt(boundaries), 26);
  return header;
}

/**
 * Reads the header of an index and checks it against the size of the file.
 * @throws DataError for another format (with a message of its own for fairseq's), version, type or size
 */
export function decodeHeader(header: Buffer, fileBytes: number, path: string): IndexHeader {
  const fail = (message: string) => new DataError(message, { source: path });
  if (header.subarray(0, 8).equals(legacyMagic))
    throw fail("has fairseq's legacy format (TNTIDX), not Megatron's: prepare the text again");
  if (!header.subarray(0, 9).equals(magic)) throw fail("is not an indexed dataset (it does not start with MMIDIDX)");
  if (fileBytes < FAIRSEQ_HEADER_BYTES) throw fail(`is truncated: ${fileBytes} bytes, less than its header`);
  const version = header.readBigUInt64LE(9);
  if (version !== 1n) throw fail(`has version ${version}; expected version 1`);
  const code = header.readUInt8(17);
  const type = TOKEN_TYPES.find((candidate) => candidate.code === code);
  if (!type) throw fail(`has the unknown element type ${code}; expected 1 to ${TOKEN_TYPES.length}`);
  const sequences = Number(header.readBigUInt64LE(18));
  if (fileBytes === FAIRSEQ_HEADER_BYTES + 12 * sequences)
    throw fail(
      "was written by fairseq: it has Megatron's magic number but no document boundaries; prepare the text again",
    );
  if (fileBytes < HEADER_BYTES) throw fail(`is truncated: ${fileBytes} bytes, less than its header`);
  const boundaries = Number(header.readBigUInt64LE(26));
  if (boundaries < 1) throw fail("has no document boundaries; expected at least one");
  const expected = indexBytes({ sequences, boundaries });
  if (fileBytes === expected + sequences && sequences > 0)
    throw fail("is a multimodal dataset (it has a mode for every sequence), which is not supported");
  if (fileBytes !== expected)
    throw fail(
      `is ${fileBytes < expected ? "truncated" : "damaged"}: ${fileBytes} bytes, expected ${expected} for ` +
        `${sequences} sequences and ${boundaries} boundaries`,
    );
  return { type, sequences, boundaries };
}
