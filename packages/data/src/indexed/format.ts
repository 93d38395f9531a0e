/**
 * The layout of Megatron's indexed datasets: `<prefix>.bin` holds raw tokens, `<prefix>.idx` a header, the lengths and
 * byte offsets of the sequences, and the document boundaries; little-endian, packed (the arrays are unaligned).
 */
import { DataError } from "../errors.ts";

/** How tokens are stored: unsigned or signed integers or floats, of so many bits. */
export type TokenType = "u8" | "i8" | "i16" | "i32" | "i64" | "f64" | "f32" | "u16";

export interface TokenTypeInfo {
  name: TokenType;
  /** The code in the index. */
  code: number;
  bytes: number;
}

/** Every element type that an index can name. */
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

export const HEADER_BYTES = 34;
const magic = Buffer.from("MMIDIDX\0\0", "latin1");
const legacyMagic = Buffer.from("TNTIDX\0\0", "latin1");
/** The bytes before D: all the header that fairseq's files have. */
const FAIRSEQ_HEADER_BYTES = 26;

export interface IndexHeader {
  type: TokenTypeInfo;
  sequences: number;
  /** Entries of the boundary array: documents + 1. */
  boundaries: number;
}

/** The type that holds every id of a vocabulary: u16 below 65,500 tokens, else i32, as Megatron chooses. */
export function tokenTypeFor(vocabularySize: number): "u16" | "i32" {
  return vocabularySize < 65_500 ? "u16" : "i32";
}

export function tokenType(name: TokenType): TokenTypeInfo {
  return TOKEN_TYPES.find((type) => type.name === name)!;
}

function indexBytes({ sequences, boundaries }: Omit<IndexHeader, "type">): number {
  return HEADER_BYTES + 12 * sequences + 8 * boundaries;
}

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
 * Reads the header of an index of `fileBytes` bytes and checks it against that size.
 * @throws DataError for another format (fairseq's gets its own message), an unknown version or type, a wrong size.
 */
export function decodeHeader(header: Buffer, fileBytes: number, path: string): IndexHeader {
  const fail = (message: string) => new DataError(message, { source: path });
  if (header.subarray(0, 8).equals(legacyMagic))
    throw fail("is an index of fairseq's legacy format (TNTIDX), not Megatron's: prepare the text again");
  if (!header.subarray(0, 9).equals(magic)) throw fail("is not an indexed dataset (it does not start with MMIDIDX)");
  if (fileBytes < FAIRSEQ_HEADER_BYTES) throw fail(`is truncated: ${fileBytes} bytes, less than its header`);
  const version = header.readBigUInt64LE(9);
  if (version !== 1n) throw fail(`has version ${version}; only version 1 is known`);
  const code = header.readUInt8(17);
  const type = TOKEN_TYPES.find((candidate) => candidate.code === code);
  if (!type) throw fail(`has the unknown element type ${code}; expected 1 to ${TOKEN_TYPES.length}`);
  const sequences = Number(header.readBigUInt64LE(18));
  if (fileBytes === FAIRSEQ_HEADER_BYTES + 12 * sequences)
    throw fail(
      "was written by fairseq: it has Megatron's magic number and version, but no document boundaries; prepare the text again",
    );
  if (fileBytes < HEADER_BYTES) throw fail(`is truncated: ${fileBytes} bytes, less than its header`);
  const boundaries = Number(header.readBigUInt64LE(26));
  if (boundaries < 1) throw fail("has no document boundaries; expected at least the first, 0");
  const expected = indexBytes({ sequences, boundaries });
  if (fileBytes === expected + sequences && sequences > 0)
    throw fail("has a mode for every sequence: it is a multimodal dataset, which is not supported");
  if (fileBytes !== expected)
    throw fail(
      `is ${fileBytes < expected ? "truncated" : "damaged"}: ${fileBytes} bytes, but ${sequences} sequences and ` +
        `${boundaries} boundaries make ${expected}`,
    );
  return { type, sequences, boundaries };
}
