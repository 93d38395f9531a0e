/** Finite state entropy tables of Zstandard (RFC 8878, section 4.1): reads their descriptions and builds them. */

/** A decoding table of 2^accuracyLog states. */
export interface FseTable {
  accuracyLog: number;
  symbols: Uint8Array;
  /** Bits to read for the next state. */
  bits: Uint8Array;
  /** What these bits are added to. */
  baselines: Uint16Array;
}

const highestBit = (value: number) => 31 - Math.clz32(value);

/** The table of a distribution: the probability of each symbol, times 2^accuracyLog; -1 for less than one. */
export function buildFseTable(probabilities: ArrayLike<number>, accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let high = size;
  for (let symbol = 0; symbol < probabilities.length; symbol++) {
    if (probabilities[symbol] !== -1) continue;
    symbols[--high] = symbol;
    next[symbol] = 1;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (let symbol = 0; symbol < probabilities.length; symbol++) {
    const probability = probabilities[symbol]!;
    if (probability <= 0) continue;
    next[symbol] = probability;
    for (let i = 0; i < probability; i++) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= high);
    }
  }
  if (position !== 0) throw new Error("an invalid distribution");
  const bits = new Uint8Array(size);
  const baselines = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const number = next[symbols[state]!]!++;
    bits[state] = accuracyLog - highestBit(number);
    baselines[state] = (number << bits[state]!) - size;
  }
  return { accuracyLog, symbols, bits, baselines };
}

/** The table of a single symbol. */
export function singleSymbolTable(symbol: number): FseTable {
  return { accuracyLog: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), baselines: new Uint16Array(1) };
}

/**
 * Reads the description of a table.
 * @returns the table, and the byte after its description
 * @throws Error for a description that is invalid or ends after byte `end`
 */
export function readFseTable(
  source: Uint8Array,
  { start, end, maxAccuracyLog, maxSymbol }: { start: number; end: number; maxAccuracyLog: number; maxSymbol: number },
): { table: FseTable; next: number } {
  let bit = 8 * start;
  const read = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) value |= ((source[bit >> 3]! >> (bit & 7)) & 1) << i;
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > maxAccuracyLog) throw new Error("a table that is too large");
  const probabilities: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0) {
    if (probabilities.length > maxSymbol || bit > 8 * end) throw new Error("an invalid table");
    const count = highestBit(remaining + 1) + 1;
    let value = read(count);
    const mask = (1 << (count - 1)) - 1;
    const threshold = (1 << count) - 2 - remaining;
    if ((value & mask) < threshold) {
      value &= mask;
      bit--;
    } else if (value > mask) value -= threshold;
    const probability = value - 1;
    remaining -= Math.abs(probability);
    probabilities.push(probability);
    if (probability !== 0) continue;
    for (let zeros = 3; zeros === 3; ) {
      zeros = read(2);
      for (let i = 0; i < zeros; i++) probabilities.push(0);
      if (bit > 8 * end) throw new Error("an invalid table");
    }
  }
  const next = (bit + 7) >> 3;
  if (remaining !== 0 || probabilities.length > maxSymbol + 1 || next > end) throw new Error("an invalid table");
  return { table: buildFseTable(probabilities, accuracyLog), next };
}
