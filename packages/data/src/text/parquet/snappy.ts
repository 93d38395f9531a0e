/**
 * Decompresses Snappy blocks (https://github.com/google/snappy, format_description.txt). hyparquet's own function never returns
 * for a literal whose length has its highest bit set.
 */

/**
 * Decompresses to exactly `size` bytes.
 * @throws Error for a damaged block
 */
export function unsnappy(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let at = 0;
  let filled = 0;
  const damaged = () => new Error("a damaged Snappy block");
  const integer = (bytes: number): number => {
    if (at + bytes > input.length) throw damaged();
    let value = 0;
    for (let i = 0; i < bytes; i++) value += input[at++]! * 2 ** (8 * i);
    return value;
  };
  // The size comes first.
  while (integer(1) >= 0x80);
  while (at < input.length) {
    const tag = integer(1);
    if ((tag & 3) === 0) {
      const short = tag >> 2;
      const length = 1 + (short < 60 ? short : integer(short - 59));
      if (at + length > input.length || filled + length > size) throw damaged();
      output.set(input.subarray(at, at + length), filled);
      at += length;
      filled += length;
      continue;
    }
    const near = (tag & 3) === 1;
    const length = near ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const offset = near ? (tag >> 5) * 256 + integer(1) : integer((tag & 3) === 2 ? 2 : 4);
    if (offset === 0 || offset > filled || filled + length > size) throw damaged();
    // Byte by byte: a copy may overlap itself.
    for (const end = filled + length; filled < end; filled++) output[filled] = output[filled - offset]!;
  }
  return output.subarray(0, filled);
}
