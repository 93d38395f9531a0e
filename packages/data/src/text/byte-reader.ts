/** Reads lines and byte ranges from a stream of chunks, buffering no more than what was requested. */

/** A stream that is read on request. */
export interface ByteReader {
  /**
   * The next line with its line ending; undefined at the end of the stream.
   * @throws RangeError for a line of more than `longest` bytes
   */
  line(longest: number): Promise<Buffer | undefined>;
  /** The next `length` bytes; undefined where the stream ends before. */
  take(length: number): Promise<Buffer | undefined>;
  /** Skips `length` bytes; false where the stream ends before. */
  skip(length: number): Promise<boolean>;
}

const NEWLINE = 0x0a;

/** Reads from chunks. */
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
