/** Reads lines and runs of bytes from a stream of chunks, holding no more than what was asked for. */

export interface ByteReader {
  /** A line with its end; at the end of the stream what is left, then undefined. RangeError for one over `longest` bytes. */
  line(longest: number): Promise<Buffer | undefined>;
  /** Exactly so many bytes; undefined where the stream ends before. */
  take(length: number): Promise<Buffer | undefined>;
  /** Passes over so many bytes; false where the stream ends before. */
  skip(length: number): Promise<boolean>;
}

const NEWLINE = 0x0a;

export function createByteReader(chunks: AsyncIterable<Buffer>): ByteReader {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async () => {
    const next = await iterator.next();
    if (next.done) return false;
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
    return true;
  };
  const give = (length: number) => {
    const bytes = held.subarray(0, length);
    held = held.subarray(length);
    return bytes;
  };
  return {
    async line(longest) {
      for (;;) {
        const newline = held.indexOf(NEWLINE);
        if (newline >= longest || (newline < 0 && held.length > longest))
          throw new RangeError(`a line of more than ${longest} bytes`);
        if (newline >= 0) return give(newline + 1);
        if (!(await more())) return held.length > 0 ? give(held.length) : undefined;
      }
    },
    async take(length) {
      const parts: Buffer[] = [];
      for (let missing = length; missing > 0; ) {
        if (held.length === 0 && !(await more())) return undefined;
        const part = give(Math.min(missing, held.length));
        parts.push(part);
        missing -= part.length;
      }
      return Buffer.concat(parts);
    },
    async skip(length) {
      for (let missing = length; missing > 0; ) {
        if (held.length === 0 && !(await more())) return false;
        missing -= give(Math.min(missing, held.length)).length;
      }
      return true;
    },
  };
}
