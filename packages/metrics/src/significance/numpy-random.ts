/**
 * The random integers of numpy's `default_rng(seed)`: PCG64 (O'Neill 2014) seeded through SeedSequence, and Lemire's
 * bounded integers. Bootstrap tests draw the same samples as sacreBLEU's with it; nothing else should need it.
 */

const MASK_128 = (1n << 128n) - 1n;
const MASK_64 = (1n << 64n) - 1n;
const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

const POOL_SIZE = 4;

/** Multiplies modulo 2^32. */
const multiply = (a: number, b: number): number => Math.imul(a, b) >>> 0;

/** A hash whose constant changes with each call. */
function createHash(start: number, multiplier: number): (value: number) => number {
  let constant = start;
  return (value) => {
    const mixed = (value ^ constant) >>> 0;
    constant = multiply(constant, multiplier);
    const product = multiply(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mix(x: number, y: number): number {
  const mixed = (multiply(0xca01f9dd, x) - multiply(0x4973f715, y)) >>> 0;
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** SeedSequence(seed).generate_state(8): eight 32-bit words. */
function seedWords(seed: number): number[] {
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32);
  const entropy = high > 0 ? [low, high] : [low];
  const hash = createHash(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: POOL_SIZE }, (_, index) => hash(entropy[index] ?? 0));
  for (let from = 0; from < POOL_SIZE; from++) {
    for (let to = 0; to < POOL_SIZE; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
  }
  const output = createHash(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: 8 }, (_, index) => output(pool[index % POOL_SIZE]!));
}

/** A function that returns the next 32 random bits. */
function createPcg64(seed: number): () => number {
  const words = seedWords(seed).map(BigInt);
  const word64 = (index: number) => words[2 * index]! | (words[2 * index + 1]! << 32n);
  const increment = ((((word64(2) << 64n) | word64(3)) << 1n) | 1n) & MASK_128;
  const step = (from: bigint) => (from * PCG_MULTIPLIER + increment) & MASK_128;
  let state = step(((((word64(0) << 64n) | word64(1)) & MASK_128) + step(0n)) & MASK_128);
  let upperHalf: number | undefined;
  return () => {
    if (upperHalf !== undefined) {
      const bits = upperHalf;
      upperHalf = undefined;
      return bits;
    }
    state = step(state);
    const xored = ((state >> 64n) ^ state) & MASK_64;
    const rotation = state >> 122n;
    const rotated = ((xored >> rotation) | (xored << (64n - rotation))) & MASK_64;
    upperHalf = Number(rotated >> 32n);
    return Number(rotated & 0xffffffffn);
  };
}

/** Above this, products of 32 random bits with the bound are not exact. */
const LARGEST_BOUND = 2 ** 21;

/**
 * A function that returns the next random integer below `bound`: the values of
 * `numpy.random.default_rng(seed).integers(bound, size=...)`, and of `choice` with replacement.
 */
export function createIntegers({ seed, bound }: { seed: number; bound: number }): () => number {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed must be an integer >= 0, got ${seed}`);
  if (!Number.isInteger(bound) || bound < 1 || bound > LARGEST_BOUND) {
    throw new RangeError(`bound must be an integer from 1 to ${LARGEST_BOUND}, got ${bound}`);
  }
  if (bound === 1) return () => 0;
  const next = createPcg64(seed);
  const threshold = 2 ** 32 % bound;
  return () => {
    for (;;) {
      const product = next() * bound;
      if (product % 2 ** 32 >= threshold) return Math.floor(product / 2 ** 32);
    }
  };
}
