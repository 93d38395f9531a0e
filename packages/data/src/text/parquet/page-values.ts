/**
 * Decodes the values of a Parquet page of a flat column of byte arrays: definition levels, then values in any encoding. Checks
 * every count and length against the page before it takes memory, which hyparquet's own functions do not.
 */

/** A page as its header describes it. Bytes are decompressed. */
export interface PageContent {
  /** Rows in the page. */
  count: number;
  encoding: string;
  /** Run-length encoded: 1 for rows with a value; undefined where all have one. */
  levels: Uint8Array | undefined;
  values: Uint8Array;
}

/** Most rows in a page. */
export const MOST_VALUES = 1 << 24;
/** Most bytes in a page, and in values that repeat the beginnings of others. */
export const LARGEST_PAGE_BYTES = 1 << 28;

/**
 * @returns one entry for each row; null where there is no value
 * @throws Error for a damaged page
 */
export function decodeValues(
  { count, encoding, levels, values }: PageContent,
  dictionary: readonly Uint8Array[] | undefined,
): (Uint8Array | null)[] {
  const present = levels && decodeRuns(levels, { width: 1, count });
  const found = present ? present.reduce((sum, level) => sum + level, 0) : count;
  const decoded = decodeEncoding(values, { encoding, count: found, dictionary });
  if (!present) return decoded;
  let next = 0;
  return Array.from(present, (level) => (level === 1 ? decoded[next++]! : null));
}

function decodeEncoding(
  bytes: Uint8Array,
  { encoding, count, dictionary }: { encoding: string; count: number; dictionary: readonly Uint8Array[] | undefined },
): Uint8Array[] {
  switch (encoding) {
    case "PLAIN":
      return decodePlain(bytes, count);
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY": {
      if (!dictionary) throw new Error("a page without its dictionary");
      if (count === 0) return [];
      const width = byteAt(bytes, 0);
      const indices = decodeRuns(bytes.subarray(1), { width, count });
      return Array.from(indices, (index) => {
        const value = dictionary[index];
        if (!value) throw new Error(`entry ${index} of a dictionary of ${dictionary.length}`);
        return value;
      });
    }
    case "DELTA_LENGTH_BYTE_ARRAY": {
      const lengths = decodeDeltas(bytes, 0, count);
      return cut(bytes.subarray(lengths.next), lengths.values);
    }
    case "DELTA_BYTE_ARRAY": {
      const prefixes = decodeDeltas(bytes, 0, count);
      const suffixes = decodeDeltas(bytes, prefixes.next, count);
      return joinPrefixes(prefixes.values, cut(bytes.subarray(suffixes.next), suffixes.values));
    }
    default:
      throw new Error(`the unknown encoding ${encoding}`);
  }
}

/** Values that each follow their length. */
export function decodePlain(bytes: Uint8Array, count: number): Uint8Array[] {
  if (4 * count > bytes.length) throw new Error(`${count} values in ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return Array.from({ length: count }, () => {
    if (at + 4 > bytes.length) throw new Error("a page that ends early");
    const length = view.getUint32(at, true);
    at += 4 + length;
    if (at > bytes.length) throw new Error("a page that ends early");
    return bytes.subarray(at - length, at);
  });
}

function cut(bytes: Uint8Array, lengths: Int32Array): Uint8Array[] {
  let at = 0;
  return Array.from(lengths, (length) => {
    if (length < 0 || at + length > bytes.length) throw new Error("a page that ends early");
    at += length;
    return bytes.subarray(at - length, at);
  });
}

/** Each value begins as the one before it. */
function joinPrefixes(prefixes: Int32Array, suffixes: Uint8Array[]): Uint8Array[] {
  let previous = new Uint8Array(0);
  let total = 0;
  return suffixes.map((suffix, i) => {
    const prefix = prefixes[i]!;
    if (prefix < 0 || prefix > previous.length) throw new Error("a value longer than the one before it");
    total += prefix + suffix.length;
    if (total > LARGEST_PAGE_BYTES) throw new Error(`values of more than ${LARGEST_PAGE_BYTES >> 20} MB`);
    const value = new Uint8Array(prefix + suffix.length);
    value.set(previous.subarray(0, prefix));
    value.set(suffix, prefix);
    previous = value;
    return value;
  });
}

/** The hybrid of runs and bit-packed groups of eight, of integers of `width` bits. */
function decodeRuns(bytes: Uint8Array, { width, count }: { width: number; count: number }): Uint32Array {
  if (width > 32) throw new Error(`integers of ${width} bits`);
  const values = new Uint32Array(count);
  const reader = createReader(bytes);
  for (let seen = 0; seen < count; ) {
    const header = reader.varint();
    if (header % 2 === 0) {
      let value = 0;
      for (let i = 0; i < width; i += 8) value += reader.byte() * 2 ** i;
      const end = Math.min(count, seen + Math.floor(header / 2));
      values.fill(value, seen, end);
      seen = end;
      continue;
    }
    const groups = Math.floor(header / 2);
    const end = Math.min(count, seen + 8 * groups);
    const start = 8 * reader.position;
    // Some writers leave out what is not needed of the last group.
    reader.skip(Math.min(groups * width, Math.ceil(((end - seen) * width) / 8)), groups * width);
    for (let bit = start; seen < end; bit += width) values[seen++] = bitsOf(bytes, bit, width);
  }
  return values;
}

/** Up to 32 bits, the lowest first. */
function bitsOf(bytes: Uint8Array, bit: number, width: number): number {
  let value = 0;
  for (let read = 0; read < width; ) {
    const at = bit + read;
    const available = Math.min(8 - (at & 7), width - read);
    value += ((bytes[at >>> 3]! >> (at & 7)) & ((1 << available) - 1)) * 2 ** read;
    read += available;
  }
  return value;
}

/** DELTA_BINARY_PACKED integers of 32 bits. */
function decodeDeltas(bytes: Uint8Array, start: number, count: number): { values: Int32Array; next: number } {
  const reader = createReader(bytes, start);
  const blockSize = reader.varint();
  const miniblocks = reader.varint();
  const total = reader.varint();
  let value = reader.zigzag();
  const size = blockSize / miniblocks;
  if (!(blockSize <= 1 << 16 && miniblocks >= 1 && miniblocks <= 512 && size >= 8 && size % 8 === 0))
    throw new Error(`blocks of ${blockSize} values in ${miniblocks} parts`);
  if (total !== count) throw new Error(`${total} values, expected ${count}`);
  const values = new Int32Array(count);
  if (count > 0) values[0] = value;
  for (let seen = 1; seen < count; ) {
    const smallest = reader.zigzag();
    const widths = Array.from({ length: miniblocks }, () => reader.byte());
    for (const width of widths) {
      if (seen >= count) break;
      if (width > 32) throw new Error(`integers of ${width} bits`);
      const bits = 8 * reader.position;
      const end = Math.min(count, seen + size);
      reader.skip(Math.min((size * width) / 8, Math.ceil(((end - seen) * width) / 8)), (size * width) / 8);
      for (let bit = bits; seen < end; bit += width) {
        value = (value + smallest + bitsOf(bytes, bit, width)) | 0;
        values[seen++] = value;
      }
    }
  }
  return { values, next: Math.min(reader.position, bytes.length) };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Error("a page that ends early");
  return byte;
}

function createReader(bytes: Uint8Array, start = 0) {
  let at = start;
  const byte = () => byteAt(bytes, at++);
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 28) throw new Error("an integer of more than 32 bits");
      const next = byte();
      value += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) return value;
    }
  };
  return {
    get position() {
      return at;
    },
    byte,
    varint,
    zigzag: () => {
      const value = varint();
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    /** Skips `count` bytes, of which only `needed` must exist. */
    skip(needed: number, count: number) {
      if (at + needed > bytes.length) throw new Error("a page that ends early");
      at += count;
    },
  };
}
